"""What `marsad explain` says of dates."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dates.explain import explain_dates
from pipeline.records import Anchor

WEDNESDAY = Anchor(date(2016, 2, 17))


def refused(text: str) -> list[str]:
    return [
        line.removeprefix("refused: ")
        for line in explain_dates(text, WEDNESDAY)
        if line.startswith("refused: ")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("شارع 29 أيار مزدحم", ["29 أيار, because of شارع"]),
        ("the Friday Mosque is old", ["Friday, because of Mosque"]),
        ("may they rest in peace", ["may, read in the profile recall only"]),
        ("5 March 2015", []),
        ("no such words here", []),
        ("", []),
    ],
)
def test_the_word_that_refused_it_is_named(text: str, expected: list[str]) -> None:
    assert refused(text) == expected


def test_a_mention_is_told_whole() -> None:
    lines = explain_dates("قصف مساء أمس على حماة", Anchor(date(2016, 2, 17), True, date(2016, 2, 18)))
    assert lines[0] == "مساء أمس = 2016-02-16"
    told = dict(line.split(maxsplit=1) for line in lines[1:])
    assert told["days"] == "2016-02-16 to 2016-02-16, TIMEX3 2016-02-16, grain day, part of day EV"
    assert told["rule"].startswith("relative: ")
    assert told["classes"] == "part(EV) rel(-1)"
    assert told["counted"] == "from  2016-02-17 (day of posting)"
    assert told["confidence"] == "medium, flags near_midnight"
    assert told["or"] == "2016-02-17"


def test_what_cannot_be_counted_is_told() -> None:
    lines = explain_dates("وصلنا أمس إلى البلدة", Anchor())
    assert any("not known to not known" in line for line in lines)


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(
            [
                "شارع",
                "أيار",
                "29",
                "Friday",
                "may",
                "12/7",
                ".",
                "\n",
                "#تموز",
                "كل",
                "جمعة",
                "في",
                "2013",
                "قناة",
                "اليوم",
                "السابع",
            ]
        ),
        max_size=8,
    )
)
def test_any_words_can_be_explained(words: list[str]) -> None:
    for line in explain_dates(" ".join(words), WEDNESDAY):
        assert line
