"""Spellings that must meet under a key, and those that must not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.places.keys import is_arabic, k0, k1, k2, names_words, spelling

CASES = Path(__file__).parent / "cases" / "keys.tsv"


def cases() -> list[dict[str, str]]:
    lines = [line for line in CASES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def first_meeting(left: list[str], right: list[str]) -> str:
    if k0(left) == k0(right):
        return "k0"
    scripts = {is_arabic(left[0]), is_arabic(right[0])}
    if scripts == {True}:
        return "none"  # the skeleton is for names in Latin script, or in two scripts
    if scripts == {False} and k1(left) == k1(right):
        return "k1"
    return "k2" if k2(left) == k2(right) else "none"


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['left']} {case['right']}")
def test_keys(case: dict[str, str]) -> None:
    left, right = names_words([case["left"], case["right"]])
    assert first_meeting(left, right) == case["meet"]


def test_heads_are_their_own_spelling() -> None:
    table = spelling()
    kinds = set(table.heads.values())
    assert {"tal", "khirbat", "jisr", "kafr"} <= kinds
    assert all(k1([head]) for head in kinds)


@given(st.lists(st.text(max_size=30), max_size=4))
def test_keys_take_any_name(names: list[str]) -> None:
    for words in names_words(names):
        assert isinstance(k0(words), str)
        if words:
            assert isinstance(k1(words), str)
            assert isinstance(k2(words), str)


@given(st.text(alphabet="abcdefghiklmnopqrstuwyz '-", min_size=1, max_size=20))
def test_doubling_a_consonant_changes_no_k1(name: str) -> None:
    words = names_words([name])[0]
    for at, word in enumerate(words):
        doubled = word.replace("m", "mm")
        assert k1([*words[:at], doubled, *words[at + 1 :]]) == k1(words)
