"""The scorer counts as its README says, the corpus comes from its seed, floors are floors."""

from __future__ import annotations

import doctest
import json
from datetime import date

import pytest

import benchmarks.__main__
from benchmarks import corpus, score
from benchmarks.__main__ import FLOORS, broken
from benchmarks.corpus import texts
from benchmarks.score import Label, Tally, anything, compare, near_place, same_days, same_place
from pipeline.records import Candidate, DateMention, Place, PlaceMention, Span

HAMA = Place("sy-hama-hama", "Hama", None, "Hama", 35.132, 36.758, "SY", None, None, "city")
NORTH_OF_HAMA = 0.04  # degrees, 4.4 km


def place(start: int, end: int, where: Place = HAMA) -> PlaceMention:
    return PlaceMention(
        span=Span(start, end), candidates=(Candidate(where, 0.9),), score=0.9, ambiguous=False, rule="name"
    )


def day(start: int, end: int, first: date | None, last: date | None) -> DateMention:
    return DateMention(
        span=Span(start, end), date_from=first, date_to=last, edtf="", timex="", grain="day", rule="test"
    )


def label(start: int, end: int, **values) -> Label:
    return Label(start=start, end=end, **values)


def counts(labels, mentions, fits=anything, right=same_place) -> tuple[int, int, int]:
    tally = compare(labels, mentions, fits, right).tally
    return tally.labelled, tally.found, tally.matched


@pytest.mark.parametrize(
    ("labels", "mentions", "expected"),
    [
        pytest.param([], [], (0, 0, 0), id="nothing"),
        pytest.param([label(0, 4)], [place(0, 4)], (1, 1, 1), id="same span"),
        pytest.param([label(0, 4)], [place(3, 9)], (1, 1, 1), id="one code point in common"),
        pytest.param([label(0, 4)], [place(4, 9)], (1, 1, 0), id="side by side is no overlap"),
        pytest.param(
            [label(0, 9)], [place(0, 4), place(5, 9)], (1, 2, 1), id="fragments: one of them is false"
        ),
        pytest.param(
            [label(0, 4), label(5, 9)], [place(0, 9)], (2, 1, 1), id="one mention settles one label"
        ),
        pytest.param([label(0, 4, asked=False)], [place(0, 4)], (0, 0, 0), id="optional and found"),
        pytest.param([label(0, 4, asked=False)], [], (0, 0, 0), id="optional and not found"),
        pytest.param(
            [label(0, 4, asked=False)], [place(6, 8)], (0, 1, 0), id="optional excuses nothing else"
        ),
        pytest.param(
            [label(0, 4, asked=False)], [place(0, 2), place(2, 4)], (0, 0, 0), id="optional in two pieces"
        ),
        pytest.param(
            [label(0, 6), label(4, 12, asked=False)],
            [place(3, 12)],
            (1, 1, 1),
            id="what is asked comes first",
        ),
    ],
)
def test_matching(labels, mentions, expected):
    assert counts(labels, mentions) == expected


def test_the_largest_overlap_is_matched():
    outcome = compare([label(0, 10)], [place(8, 12), place(0, 7)], anything, same_place)
    assert outcome.false == [(8, 12)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param({"place_id": "sy-hama-hama"}, True, id="same id, no coordinates"),
        pytest.param(
            {"place_id": "other", "lat": 35.132 + NORTH_OF_HAMA, "lon": 36.758}, True, id="4.4 km away"
        ),
        pytest.param({"lat": 35.132 + 1.2 * NORTH_OF_HAMA, "lon": 36.758}, False, id="5.3 km away"),
        pytest.param({"place_id": "sy-hama"}, False, id="other id, no coordinates"),
    ],
)
def test_the_same_place(told, expected):
    assert same_place(label(0, 4, **told), place(0, 4)) is expected
    assert counts([label(0, 4, **told)], [place(0, 4)], fits=same_place) == (1, 1, int(expected))


def test_near_is_not_known_without_coordinates():
    assert near_place(label(0, 4), place(0, 4)) is None
    assert near_place(label(0, 4, lat=36.2, lon=37.16), place(0, 4)) is True
    assert near_place(label(0, 4, lat=33.5, lon=36.3), place(0, 4)) is False


def test_days_are_right_when_both_ends_are():
    march = day(0, 4, date(2024, 3, 1), date(2024, 3, 31))
    told = {"valued": True, "date_from": date(2024, 3, 1)}
    assert same_days(label(0, 4, **told, date_to=date(2024, 3, 31)), march) is True
    assert same_days(label(0, 4, **told, date_to=date(2024, 3, 1)), march) is False
    assert same_days(label(0, 4, **told), march) is False  # an open end is not the end of the month
    assert same_days(label(0, 4, **told), day(0, 4, date(2024, 3, 1), None)) is True
    assert same_days(label(0, 4), march) is None


def test_value_is_a_share_of_matched_mentions_with_a_known_value():
    days = [day(0, 4, date(2024, 3, 1), date(2024, 3, 1)), day(10, 14, None, None), day(20, 24, None, None)]
    known = {"valued": True, "date_from": date(2024, 3, 1), "date_to": date(2024, 3, 1)}
    labels = [label(0, 4, **known), label(10, 14, **known), label(20, 24), label(30, 34, **known)]
    tally = compare(labels, days, anything, same_days).tally
    assert (tally.valued, tally.right, tally.value) == (2, 1, 0.5)
    assert (tally.precision, tally.recall) == (1.0, 0.75)


def test_silent_texts_are_counted_apart():
    tally = Tally()
    for labels, mentions in [([], []), ([], [place(0, 4)]), ([label(0, 4)], [place(0, 4)])]:
        tally.add(compare(labels, mentions, anything, same_place).tally)
    assert (tally.silent, tally.silent_broken, tally.precision) == (2, 1, 0.5)


def test_nothing_found_and_nothing_labelled_is_no_division():
    assert (Tally().precision, Tally().recall, Tally().f1, Tally().value) == (0.0, 0.0, 0.0, 0.0)


def test_the_corpus_comes_from_its_seed():
    assert texts(300) == texts(300)
    assert texts(300) != texts(300, seed=1)
    assert all(texts(300))
    assert not any("{" in text or "}" in text for text in texts(300))


def test_the_corpus_is_as_promised():
    many = texts(4000)
    mean = sum(map(len, many)) / len(many)
    arabic = sum(
        any("\N{ARABIC LETTER HAMZA}" <= letter <= "\N{ARABIC LETTER YEH}" for letter in text)
        for text in many
    )
    assert 140 <= mean <= 180
    assert 0.7 <= arabic / len(many) <= 0.85


def test_floors():
    floors = {"a.f1": 0.9, "speed.ratio": 100}
    assert broken({"a.f1": 0.9, "speed.ratio": 250}, floors) == []
    assert broken({"a.f1": 0.8999}, floors) == ["a.f1 is 0.8999, its floor is 0.9"]


def test_floors_are_for_figures_that_exist():
    names = json.loads(FLOORS.read_text(encoding="utf-8"))
    parts = (
        "gold.",
        "speed.",
        "invented_ar.",
        "invented_en.",
        "posts Arabic.",
        "posts English.",
        "text.",
        "language.",
    )
    assert [name for name in names if not name.startswith(parts)] == []


@pytest.mark.parametrize("module", [benchmarks.__main__, corpus, score], ids=lambda module: module.__name__)
def test_examples(module):
    assert doctest.testmod(module).failed == 0
