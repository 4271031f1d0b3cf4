"""Folding: a table of examples, pyarabic as the oracle, and laws that hold for any text."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data import rows
from pipeline.text import clean_batch, normalize, normalize_batch
from pipeline.text.fold import CHANGING, CODE_POINTS, by_pyarabic, fold, folding, inside

TABLE = Path(__file__).parent / "cases" / "normalize.tsv"

# Letters, marks and signs that meet in real posts, and some that never should.
ALPHABET = (
    "ابتلهـىيئؤأإآةءگکیێەﷺﻼﻷﹶﱠ\u064b\u0651\u0653\u0654\u0655\u0670\u06d6\u08f0"
    "aAàoOßẞıİIŁέΣЙ'’-–…،٣۳½①ﬁ#_@.:/ \t\n\r\u00a0\u2028\u3000"
    "\u200b\u200c\u200d\u200f\u2068\u2069\ufeff\ufe0f\u00ad\x00\x1c\ud800\udc00😀🏽カ\u3099\u0301"
)
posts = st.text(st.sampled_from(ALPHABET) | st.characters(), max_size=30)
runs = st.lists(st.tuples(st.sampled_from("ـلهاي ao1!٣\n\u064e"), st.integers(1, 5)), max_size=8).map(
    lambda pairs: "".join(letter * times for letter, times in pairs)
)
batches = st.lists(posts | runs, max_size=6)


def cases(column: str) -> list[pytest.param]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    head = lines[0].split("\t")
    found = []
    for line in lines[1:]:
        case = dict(zip(head, line.split("\t"), strict=True))
        if case[column] != "*":
            marks = [pytest.mark.xfail(strict=True)] if case["expect"] == "fail" else []
            values = [json.loads(f'"{case[name]}"') for name in ("raw", column)]
            found.append(pytest.param(*values, id=case["label"], marks=marks))
    return found


@pytest.mark.parametrize(("raw", "folded"), cases("folded"))
def test_normalize(raw: str, folded: str) -> None:
    assert normalize(raw).text == folded
    assert normalize_batch([raw]).post(0) == folded


@pytest.mark.parametrize(("raw", "clean"), cases("clean"))
def test_clean(raw: str, clean: str) -> None:
    assert clean_batch([raw]) == [clean]


@settings(max_examples=300, deadline=None)
@given(batches)
def test_batch_equals_definition(texts: list[str]) -> None:
    batch = normalize_batch(texts)
    assert len(batch) == len(texts)
    assert batch.raw == tuple(texts)
    assert batch.posts() == [normalize(text).text for text in texts]
    for index, text in enumerate(texts):
        origin = batch.origin[batch.starts[index] : batch.ends[index] + 1]
        assert tuple(origin.tolist()) == normalize(text).origin
        raw = batch.raw_codes[batch.raw_starts[index] : batch.raw_starts[index + 1]]
        assert raw.tolist() == list(map(ord, text))


@settings(max_examples=200, deadline=None)
@given(batches)
def test_each_post_is_closed_by_one_line_feed(texts: list[str]) -> None:
    batch = normalize_batch(texts)
    assert batch.text.split("\n") == [*batch.posts(), ""]
    assert batch.text.count("\n") == len(texts)


@settings(max_examples=200, deadline=None)
@given(posts | runs)
def test_twice_equals_once(raw: str) -> None:
    once = normalize(raw).text
    assert normalize(once).text == once
    assert clean_batch(clean_batch([raw])) == clean_batch([raw])


@settings(max_examples=200, deadline=None)
@given(posts | runs)
def test_way_back(raw: str) -> None:
    normalized = normalize(raw)
    assert list(normalized.origin) == sorted(normalized.origin)
    assert normalized.origin[-1] == len(raw)
    for start in range(len(normalized.text)):
        span = normalized.span(start, start + 1)
        assert 0 <= span.start < span.end <= len(raw)
        # The letter comes from there, alone or as one of several.
        assert normalized.text[start] in fold(span.of(raw))


@settings(max_examples=200, deadline=None)
@given(posts)
def test_composed_or_not_is_the_same(raw: str) -> None:
    """For the scripts of the posts; Indic, Hangul and kana keep their own composition."""
    kept = "".join(char for char in raw if inside(ord(char), ((0x20, 0x250), (0x370, 0x530), (0x600, 0x700))))
    composed, parted = (unicodedata.normalize(form, kept) for form in ("NFC", "NFD"))
    assert normalize(composed).text == normalize(parted).text


@settings(max_examples=200, deadline=None)
@given(posts)
def test_clean_changes_no_letter(raw: str) -> None:
    cleaned, plain = normalize(clean_batch([raw])[0]).text, normalize(raw).text
    assert unicodedata.normalize("NFC", cleaned) == unicodedata.normalize("NFC", plain)


def test_span_keeps_tatweel_inside_and_leaves_it_out_after() -> None:
    batch = normalize_batch(["", "من إدلــبـــ"])
    at = batch.text.index("ادلب")
    assert batch.span(at, at + 4).of(batch.raw[1]) == "إدلــب"


def test_pyarabic_has_its_say_in_the_arabic_block() -> None:
    deviating = {int(row["code"], 16) for row in rows("fold")}
    for code in (*range(0x0600, 0x0700), *range(0xFEF5, 0xFEFD)):
        if code in deviating:
            continue
        oracle = by_pyarabic(chr(code))
        if oracle == chr(code) and code >= 0x0700:
            continue  # the final forms of lam-alef, which pyarabic leaves alone, are Unicode's
        assert fold(chr(code)) == oracle, f"{code:04X}"


def test_deviations_are_told_truly() -> None:
    for row in rows("fold"):
        char = chr(int(row["code"], 16))
        assert unicodedata.name(char).lower() == row["name"]
        assert by_pyarabic(char) == "".join(chr(int(code, 16)) for code in row["pyarabic"].split())
        assert row["ours"] != row["pyarabic"], "not a deviation"
        assert row["reason"]
        assert row["source"]


@pytest.mark.parametrize(
    "word", ["كِتَابٌ", "العـــربيّة", "مسؤول", "بئر", "آمنة", "أحمد", "ﻻجئ", "٢٠٢٤", "ٱلله", "مستشفى"]
)
def test_pyarabic_agrees_on_words(word: str) -> None:
    assert normalize(word).text == by_pyarabic(word)


def test_what_is_folded_stays_folded() -> None:
    for char in map(chr, folding_changes()):
        folded = fold(char)
        assert folded != char
        assert all(fold(letter) == letter for letter in folded), (char, folded)


def test_nothing_changes_outside_of_the_ranges_looked_at() -> None:
    for code in range(CODE_POINTS):
        if not inside(code, CHANGING):
            assert fold.__wrapped__(chr(code)) == chr(code), f"{code:04X}"


def test_table_is_the_definition() -> None:
    table = folding()
    for first, last in CHANGING:
        for code in range(first, last):
            one = int(table.one[code])
            if code in table.many:
                folded = "".join(map(chr, table.many[code].tolist()))
            else:
                folded = "" if one == 0xFFFFFFFF else chr(one)
            assert folded == fold(chr(code)), f"{code:04X}"


def folding_changes() -> list[int]:
    table = folding()
    return [code for code in range(CODE_POINTS) if int(table.one[code]) != code]
