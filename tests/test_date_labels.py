"""The invented posts with dates, the notation that they are written in, and how lists are scored."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

import pytest

from benchmarks.date_labels import overlapping, period, read_post, read_posts
from benchmarks.date_sets import together
from pipeline.records import DateMention, Span

WEDNESDAY = datetime(2016, 2, 17, 9)


def test_the_set_is_what_its_page_says() -> None:
    posts = read_posts()
    assert len(posts) >= 600
    assert Counter(post.language for post in posts)["ar"] >= 400
    assert len({post.variety for post in posts}) == 9
    silent = [post for post in posts if not any(mention.asked for mention in post.mentions)]
    assert len(silent) * 3 >= len(posts)
    assert len({post.text for post in posts}) == len(posts)
    halves = Counter(post.half for post in posts)
    assert min(halves.values()) > 250


def test_every_label_stands_in_its_text() -> None:
    for post in read_posts():
        assert not overlapping(post.mentions), post
        for mention in post.mentions:
            assert post.text[mention.start : mention.end] == mention.surface
            assert mention.asked or not mention.valued
            known = [day for day in (mention.date_from, mention.date_to) if day]
            assert bool(known) == mention.valued
            assert known == sorted(known)


@pytest.mark.parametrize(
    ("value", "first", "last", "edtf"),
    [
        ("2015-03-05", "2015-03-05", "2015-03-05", "2015-03-05"),
        ("2015-02", "2015-02-01", "2015-02-28", "2015-02"),
        ("2015", "2015-01-01", "2015-12-31", "2015"),
        ("2014~", "2014-01-01", "2014-12-31", "2014~"),
        ("198X", "1980-01-01", "1989-12-31", "198X"),
        ("0", "2016-02-17", "2016-02-17", "2016-02-17"),
        ("-2", "2016-02-15", "2016-02-15", "2016-02-15"),
        ("+10", "2016-02-27", "2016-02-27", "2016-02-27"),
        ("<wed", "2016-02-17", "2016-02-17", "2016-02-17"),
        ("<<wed", "2016-02-10", "2016-02-10", "2016-02-10"),
        (">wed", "2016-02-24", "2016-02-24", "2016-02-24"),
        ("<fri", "2016-02-12", "2016-02-12", "2016-02-12"),
        (">>fri", "2016-02-26", "2016-02-26", "2016-02-26"),
        ("w-1", "2016-02-08", "2016-02-14", "2016-02-08/2016-02-14"),
        ("m-2", "2015-12-01", "2015-12-31", "2015-12"),
        ("y+1", "2017-01-01", "2017-12-31", "2017"),
        ("2015-02:late", "2015-02-21", "2015-02-28", "2015-02-21/2015-02-28"),
        ("2015:mid", "2015-05-01", "2015-08-31", "2015-05/2015-08"),
        ("2015/2016-03", "2015-01-01", "2016-03-31", "2015/2016-03"),
        ("2013/..", "2013-01-01", None, "2013/.."),
        ("../-1", None, "2016-02-16", "../2016-02-16"),
        ("H1436-09", "2015-06-18", "2015-07-16", "2015-06-18/2015-07-16"),
        ("H1436-10-01", "2015-07-17", "2015-07-17", "2015-07-17"),
    ],
)
def test_the_notation_of_values(value: str, first: str | None, last: str | None, edtf: str) -> None:
    found = period(value, WEDNESDAY)
    days = tuple(None if day is None else date.fromisoformat(day) for day in (first, last))
    assert (found.first, found.last, found.edtf) == (*days, edtf)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{yesterday|-1|relday it rained", "cannot be read"),
        ("{yesterday|-1}", "has no clause"),
        ("{yesterday|-1 day|relday}", "is not a value"),
        ("{then|2015-02-30|dmy}", "day"),
        ("{then|2016/2015|range}", "ends before it begins"),
        ("{yesterday|-1|relday} ## names", "has no date"),
        ("no date and no class", "needs a class"),
    ],
)
def test_slips_of_the_pen_are_told(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_post(line, WEDNESDAY, "english", "")


def test_without_a_day_of_posting_nothing_is_counted() -> None:
    with pytest.raises(ValueError, match="is not a value"):
        read_post("{yesterday|-1|relday}", None, "english", "")


def mention(start: int, end: int, day: int) -> DateMention:
    known = date(2016, 5, day)
    return DateMention(
        span=Span(start, end), date_from=known, date_to=known, edtf="", timex="", grain="day", rule=""
    )


def test_a_list_of_days_may_be_found_in_pieces() -> None:
    members = [mention(3, 4, 6), mention(6, 7, 7), mention(12, 17, 8)]
    (whole,) = together(members, [Span(0, 17)])
    assert (whole.span, whole.date_from, whole.date_to) == (Span(3, 17), date(2016, 5, 6), date(2016, 5, 8))
    assert together(members, []) == members
    assert together(members[:1], [Span(0, 17)]) == members[:1]
