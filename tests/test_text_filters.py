"""What search engines' Arabic, Persian and digit filters do, our folding does as well."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pipeline.text import normalize, normalize_batch

TABLE = Path(__file__).parent / "cases" / "text_filters.tsv"
CASES = [
    line.split("\t")
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#") and not line.startswith("filter\t")
]
DIGITS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Nd"]


@pytest.mark.parametrize(("filter_", "case", "raw", "folded"), CASES)
def test_filters(filter_: str, case: str, raw: str, folded: str) -> None:
    assert normalize(raw).text == folded
    assert normalize_batch([raw]).post(0) == folded


def test_every_decimal_digit_becomes_ascii() -> None:
    assert len(DIGITS) >= 650
    for char, folded in zip(DIGITS, normalize_batch(DIGITS).posts(), strict=True):
        assert folded == str(unicodedata.decimal(char)), f"{ord(char):04X}"


def test_digits_inside_words_keep_their_place() -> None:
    texts = [f"a{char}ب{char}" for char in DIGITS]
    expected = [f"a{unicodedata.decimal(char)}ب{unicodedata.decimal(char)}" for char in DIGITS]
    assert normalize_batch(texts).posts() == expected


@pytest.mark.parametrize("char", ["²", "½", "Ⅳ", "①", "一"])
def test_what_is_no_decimal_digit_is_not_taken_for_one(char: str) -> None:
    assert normalize(char).text == unicodedata.normalize("NFKC", char).casefold().replace("\u2044", "/")
