"""Dates in posts: the grammar's own examples, a table of cases, and laws that hold for any text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data import rows
from pipeline.dates import USUAL, find_dates
from pipeline.dates.calendar import hijri_day
from pipeline.dates.lexicon import lexicon
from pipeline.records import Anchor, DateHabits, DateMention
from pipeline.text import find_marks, normalize, normalize_batch, tokenize

CASES = Path(__file__).parent / "cases" / "dates.tsv"
DAY = date(2016, 2, 17)  # a Wednesday
RECALL = DateHabits(profile="recall")


def read_batch(
    texts: Sequence[str], days: Sequence[date | None], habits: DateHabits = USUAL
) -> list[tuple[DateMention, ...]]:
    tokens = tokenize(normalize_batch(texts), find_marks(texts))
    return find_dates(tokens, [Anchor(day) for day in days], habits)


def read(text: str, day: date | None = DAY, habits: DateHabits = USUAL) -> tuple[DateMention, ...]:
    return read_batch([text], [day], habits)[0]


def habits_of(rule: dict[str, str]) -> DateHabits:
    """The profile in which a rule of the grammar is used."""
    return RECALL if rule["profile"] == "recall" else USUAL


# The grammar: each rule's example and counter-example


@pytest.mark.parametrize("row", list(rows("date_rules")), ids=lambda row: row["rule"])
def test_example_of_rule(row: dict[str, str]) -> None:
    text, day, expected = (cell.strip() for cell in row["example"].split(" | "))
    found = read(text, date.fromisoformat(day), habits_of(row))
    assert "; ".join(f"{m.date_from or ''}..{m.date_to or ''}" for m in found) == expected
    assert row["rule"] in {m.rule for m in found}


@pytest.mark.parametrize("row", list(rows("date_rules")), ids=lambda row: row["rule"])
def test_counter_example_of_rule(row: dict[str, str]) -> None:
    assert row["rule"] not in {m.rule for m in read(row["counter_example"], habits=habits_of(row))}


@pytest.mark.parametrize(
    "row", [row for row in rows("date_rules") if row["profile"] == "recall"], ids=lambda row: row["rule"]
)
def test_precise_reads_nothing_of_recall(row: dict[str, str]) -> None:
    assert read(row["example"].split(" | ")[0]) == ()


@pytest.mark.parametrize(
    ("text", "dmy", "mdy"),
    [
        ("5/3/2015", "2015-03-05", "2015-05-03"),
        ("13/3/2015", "2015-03-13", "2015-03-13"),
        ("3/13/2015", "2015-03-13", "2015-03-13"),
        ("2015/3/5", "2015-03-05", "2015-03-05"),
        ("Thursday 5/3/2015", "2015-03-05", "2015-03-05"),
        ("Sunday 5/3/2015", "2015-05-03", "2015-05-03"),
        ("on 1/2", "", ""),
        ("dated 2/1", "2016-01-02", "2016-02-01"),
        ("dated 13/1", "2016-01-13", "2016-01-13"),
    ],
)
def test_order_of_day_and_month(text: str, dmy: str, mdy: str) -> None:
    for order, day in (("dmy", dmy), ("mdy", mdy)):
        found = read(text, habits=DateHabits(day_order=order))  # type: ignore[arg-type]
        assert [m.edtf for m in found] == ([day] if day else [])


def test_either_order_keeps_the_other_reading() -> None:
    for order, other in (("dmy", "2015-05-03"), ("mdy", "2015-03-05")):
        found = read("5/3/2015", habits=DateHabits(day_order=order))  # type: ignore[arg-type]
        assert [(m.flags, m.alternatives) for m in found] == [(("ambiguous_order",), (other,))]


# The cases


def cases() -> Iterator[object]:
    with CASES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(
            (x for x in lines if not x.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        ):
            marks = [pytest.mark.xfail(strict=True)] if row["expect"] == "fail" else []
            yield pytest.param(row, id=row["label"], marks=marks)


@pytest.mark.parametrize("case", list(cases()))
def test_case(case: dict[str, str]) -> None:
    text = re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m.group(1), 16)), case["text"])
    day = date.fromisoformat(case["anchor"]) if case["anchor"] else None
    found = [f"{m.span.of(text)}={m.edtf}" for m in read(text, day)]
    assert "; ".join(found) == case["found"]


@pytest.mark.parametrize(
    ("text", "edtf", "whole"),
    [
        ("early 1942", "1942~", True),
        ("أواخر عام 1982", "1982~", True),
        ("late 2012", "2012-09-01~/2012-12-31~", False),
        ("early in March 1942", "1942-03~", True),
    ],
)
def test_early_and_late_of_long_ago_is_the_whole_period(text: str, edtf: str, whole: bool) -> None:
    (found,) = read(text)
    assert found.edtf == edtf
    assert "fuzzy" in found.flags
    assert ("whole_period" in found.flags) is whole


# The tables


def test_words_are_as_normalize_leaves_them() -> None:
    odd = [
        r["surface"]
        for r in rows("date_words")
        if " ".join(normalize(r["surface"]).text.split()) != r["surface"]
    ]
    assert odd == []


def test_veto_and_cue_words_are_as_normalize_leaves_them() -> None:
    words = [r["word"] for r in rows("date_vetoes") if r["place"] != "raw"] + [
        r["word"] for table in ("date_cues", "date_neighbors") for r in rows(table)
    ]
    assert [w for w in words if normalize(w).text.strip() != w] == []


def test_cue_words_are_words_not_letters() -> None:
    assert [r["word"] for r in rows("date_cues") if r["form"] != "prefix" and len(r["word"]) < 2] == []
    pairs = [r["word"].split(" ") for r in rows("date_cues") if r["form"] == "pair"]
    assert all(len(pair) == 2 and min(map(len, pair)) > 1 for pair in pairs)


def test_every_class_of_a_word_is_declared() -> None:
    assert {r["class"] for r in rows("date_words")} <= set(lexicon().letters)


def test_vetoes_name_rules_that_exist() -> None:
    known = {r["rule"] for r in rows("date_rules")}
    named = {rule for r in rows("date_vetoes") if r["rules"] != "*" for rule in r["rules"].split()}
    assert named <= known


def test_every_row_says_where_it_is_from() -> None:
    tables = ("date_words", "date_rules", "date_vetoes", "date_cues", "date_neighbors", "date_shapes")
    assert [r for table in tables for r in rows(table) if not r["source"]] == []


# Laws

FRAGMENTS = (
    "اليوم الأربعاء 17 شباط/فبراير 2016",
    "منذ عام 2013",
    "بين 15 و 19 تشرين الثاني",
    "late 2012-early 2013",
    "14 شوال 1434 هـ",
    "12/5/2016",
    "٢٠١٥-١٠-٠٧",
    "next Friday",
    "قبل يومين",
    "ألفين وخمسة عشر",
    "الخميس والجمعة الماضيين",
    "31/2/2016",
    "القرار 2254",
    "1980s",
    "\n",
    " - ",
    "/",
    ":",
    "#",
    "12",
    "من",
    "حتى",
    "of",
    "قبل",
    "أول",
    "عام",
)
texts = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(" ".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=8).map("".join),
)
word_lists = st.lists(st.sampled_from(sorted(lexicon().levels)[::7]), max_size=10).map(" ".join)
days = st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
EDTF = re.compile(
    r"(?:\d{4}(?:-(?:2[1-4]|\d\d(?:-\d\d)?))?~?|\d{3}X|\d\dXX|XXXX(?:-(?:\d\d|XX)(?:-(?:\d\d|XX))?)?|\.\.)"
    r"(?:/(?:\d{4}(?:-\d\d(?:-\d\d)?)?~?|XXXX-XX-XX|\.\.))?"
)


@settings(deadline=None, max_examples=300)
@given(st.one_of(texts, word_lists), days)
def test_laws_of_a_post(text: str, day: date | None) -> None:
    found = read(text, day)
    end = 0
    for mention in found:
        assert end <= mention.span.start < mention.span.end <= len(text)
        end = mention.span.end
        if mention.date_from is not None and mention.date_to is not None:
            assert mention.date_from <= mention.date_to
        if mention.open == "none":
            assert (mention.date_from is None) == (mention.date_to is None)
        elif mention.open == "end":
            assert mention.date_from is not None
            assert mention.date_to is None
        else:
            assert mention.date_from is None
            assert mention.date_to is not None
        assert EDTF.fullmatch(mention.edtf), mention.edtf
        if mention.anchor == "post_time" and day is None:
            assert mention.date_from is None
            assert mention.anchor_date is None


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.one_of(texts, word_lists), days), max_size=5))
def test_batch_equals_one_by_one(posts: list[tuple[str, date | None]]) -> None:
    together = read_batch([text for text, _ in posts], [day for _, day in posts])
    assert together == [read(text, day) for text, day in posts]


LATIN_TO_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
LATIN_TO_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def values(text: str) -> list[tuple[object, ...]]:
    return [(m.date_from, m.date_to, m.edtf, m.timex, m.rule) for m in read(text)]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=5).map(" ".join))
def test_digits_of_every_script_read_alike(text: str) -> None:
    plain = text.translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789"))
    assert (
        values(plain) == values(plain.translate(LATIN_TO_ARABIC)) == values(plain.translate(LATIN_TO_PERSIAN))
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=5).map(" ".join), st.data())
def test_marks_change_nothing(text: str, data: st.DataObject) -> None:
    mark = data.draw(st.sampled_from(["\u200f", "\u202b", "\u0640", "\u064e"]))
    place = data.draw(st.integers(0, len(text)))
    inside = (
        0 < place < len(text)
        and "\u0621" <= text[place - 1] <= "\u064a"
        and "\u0621" <= text[place] <= "\u064a"
    )
    if inside or mark in "\u200f\u202b":
        assert values(text) == values(text[:place] + mark + text[place:])


@given(st.integers(1343, 1500), st.integers(1, 12), st.integers(1, 31))
def test_hijri_days_are_those_of_the_table(year: int, month: int, number: int) -> None:
    expected = hijri_day(year, month, number)
    found = read(f"بتاريخ {number}/{month}/{year} هـ")
    assert [m.date_from for m in found] == ([expected] if expected else [])


@given(st.dates(date(1950, 1, 1), date(2090, 12, 31)))
def test_iso_days_read_back(day: date) -> None:
    assert [m.date_from for m in read(f"صورة {day.isoformat()} من حلب")] == [day]


@given(st.integers(-60, 60))
def test_days_ago(count: int) -> None:
    found = read(f"قبل {abs(count) + 1} يوم سقط")
    assert [m.date_to for m in found] == [DAY - timedelta(abs(count) + 1)]


def test_long_input_is_read_in_linear_time() -> None:
    texts = [
        "1 " * 100_000,
        "12/5/" * 50_000,
        "9" * 10_000,
        "يوم " * 50_000,
        "من 5 " * 50_000,
        "5 و " * 20_000,
    ]
    assert read_batch(texts, [DAY] * len(texts)) == [()] * len(texts)
