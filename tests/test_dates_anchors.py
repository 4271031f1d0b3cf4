"""What a doubtful day of posting does to the dates of a post: near midnight, and in forwards."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.annotate import anchor_of, text_post
from pipeline.dates import find_dates
from pipeline.dates.anchors import other_day
from pipeline.records import Anchor, DateMention, Post
from pipeline.text import find_marks, normalize_batch, tokenize


def mentions(text: str, anchor: Anchor) -> tuple[DateMention, ...]:
    return find_dates(tokenize(normalize_batch([text]), find_marks([text])), [anchor])[0]


def posted(clock: str, **more: object) -> Post:
    return replace(text_post(0, "", datetime.fromisoformat(clock)), **more)  # type: ignore[arg-type]


def seen(text: str, anchor: Anchor) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """EDTF, the doubts among the flags, and the alternatives."""
    doubts = ("near_midnight", "reshared")
    return [
        (one.edtf, tuple(flag for flag in one.flags if flag in doubts), one.alternatives)
        for one in mentions(text, anchor)
    ]


# Wednesday 2016-02-17
@pytest.mark.parametrize(
    ("clock", "text", "edtf", "alternative"),
    [
        ("2016-02-17T23:30", "قصف عنيف اليوم على المدينة", "2016-02-17", "2016-02-18"),
        ("2016-02-17T00:30", "قصف عنيف اليوم على المدينة", "2016-02-17", "2016-02-16"),
        ("2016-02-17T23:30", "وصلنا أمس إلى البلدة", "2016-02-16", "2016-02-17"),
        ("2016-02-17T01:15", "نلتقي غدا عند الساحة", "2016-02-18", "2016-02-17"),
        ("2016-02-17T02:59", "it happened two days ago", "2016-02-15", "2016-02-14"),
        ("2016-02-17T00:10", "قصفت البلدة الأربعاء", "2016-02-17", "2016-02-10"),  # today, or a week ago
        ("2016-02-01T00:10", "أغلق المعبر هذا الشهر", "2016-02", "2016-01"),
        ("2016-02-14T23:10", "they left last week", "2016-02-01/2016-02-07", "2016-02-08/2016-02-14"),
        ("2016-01-01T00:05", "it rained yesterday", "2015-12-31", "2015-12-30"),
    ],
)
def test_near_midnight_the_other_day_is_told(clock: str, text: str, edtf: str, alternative: str) -> None:
    anchor = anchor_of(posted(clock))
    assert seen(text, anchor) == [(edtf, ("near_midnight",), (alternative,))]
    assert mentions(text, anchor)[0].confidence != "high"


@pytest.mark.parametrize(
    ("clock", "text"),
    [
        ("2016-02-17T22:59", "قصف عنيف اليوم على المدينة"),
        ("2016-02-17T03:00", "قصف عنيف اليوم على المدينة"),
        ("2016-02-17T12:00", "it rained yesterday"),
        ("2016-02-17T23:30", "قصفت البلدة الجمعة الماضية"),  # the same from both days
        ("2016-02-17T23:30", "أغلق المعبر هذا الشهر"),
        ("2016-02-17T23:30", "on 5 March 2015 it rained"),
        ("2016-02-17T23:30", "في عام 2013"),
    ],
)
def test_no_doubt_where_both_days_give_the_same(clock: str, text: str) -> None:
    told = mentions(text, anchor_of(posted(clock)))
    assert len(told) == 1
    assert told == mentions(text, Anchor(date(2016, 2, 17)))


def test_a_weekday_beside_today_takes_the_doubt_away() -> None:
    found = mentions("قصف عنيف اليوم الأربعاء", anchor_of(posted("2016-02-17T12:00")))
    assert [(one.edtf, one.flags) for one in found] == [("2016-02-17", ())]
    (late,) = mentions("قصف عنيف اليوم الأربعاء", anchor_of(posted("2016-02-17T23:45")))
    assert (late.edtf, late.alternatives) == ("2016-02-17", ())


def test_a_day_without_a_clock_is_near_no_midnight() -> None:
    post = posted("2016-02-17T00:00", time_precision="day")
    assert anchor_of(post) == Anchor(date(2016, 2, 17))


def test_a_forward_counts_from_the_original() -> None:
    post = posted("2016-02-17T12:00", forwarded_from="x", forwarded_local=datetime(2016, 2, 10, 9))
    anchor = anchor_of(post)
    assert anchor == Anchor(date(2016, 2, 10))
    assert seen("وصلنا أمس إلى البلدة", anchor) == [("2016-02-09", (), ())]


def test_the_midnight_of_a_forward_is_the_originals() -> None:
    original = datetime(2016, 2, 10, 23, 50)
    anchor = anchor_of(posted("2016-02-17T12:00", forwarded_from="x", forwarded_local=original))
    assert seen("وصلنا أمس إلى البلدة", anchor) == [("2016-02-09", ("near_midnight",), ("2016-02-10",))]


def test_a_forward_without_the_originals_day_is_flagged() -> None:
    anchor = anchor_of(posted("2016-02-17T12:00", forwarded_from="x"))
    assert seen("وصلنا أمس إلى البلدة", anchor) == [("2016-02-16", ("reshared",), ())]
    assert mentions("وصلنا أمس إلى البلدة", anchor)[0].confidence != "high"
    absolute = mentions("on 5 March 2015 it rained", anchor)[0]
    assert (absolute.flags, absolute.confidence) == ((), "high")


def test_a_forward_of_a_post_without_a_day() -> None:
    post = replace(text_post(0, ""), forwarded_from="x")
    assert anchor_of(post) == Anchor(reshared=True)
    (found,) = mentions("وصلنا أمس إلى البلدة", anchor_of(post))
    assert (found.date_from, found.date_to) == (None, None)


def test_both_doubts_at_once() -> None:
    anchor = anchor_of(posted("2016-02-17T23:30", forwarded_from="x"))
    assert seen("اليوم", anchor) == [("2016-02-17", ("near_midnight", "reshared"), ("2016-02-18",))]


def test_near_midnight_without_another_day_is_flagged_all_the_same() -> None:
    anchor = Anchor(date(2016, 2, 17), near_midnight=True)
    assert seen("وصلنا أمس إلى البلدة", anchor) == [("2016-02-16", ("near_midnight",), ())]


@pytest.mark.parametrize("clock", ["0001-01-01T00:10", "9999-12-31T23:50"])
def test_the_ends_of_time_have_no_other_day(clock: str) -> None:
    assert other_day(datetime.fromisoformat(clock)) is None


TEXTS = [
    "اليوم",
    "وصلنا أمس إلى البلدة",
    "on 5 March 2015 it rained",
    "no date here",
    "قصفت البلدة الأربعاء",
    "",
    "next week, I hope",
]
ANCHORS = st.builds(
    lambda clock, source: anchor_of(posted(clock.isoformat(), forwarded_from=source)),
    st.datetimes(datetime(2010, 1, 1), datetime(2020, 12, 31)),
    st.sampled_from([None, "x"]),
)


@given(st.lists(st.tuples(st.sampled_from(TEXTS), ANCHORS), max_size=8))
def test_a_post_does_not_depend_on_its_batch(posts: list[tuple[str, Anchor]]) -> None:
    texts = [text for text, _ in posts]
    tokens = tokenize(normalize_batch(texts), find_marks(texts))
    together = find_dates(tokens, [anchor for _, anchor in posts])
    assert together == [mentions(text, anchor) for text, anchor in posts]


@given(st.sampled_from(TEXTS), ANCHORS)
def test_doubts_change_no_value(text: str, anchor: Anchor) -> None:
    plain = mentions(text, Anchor(anchor.day))
    assert [(one.span, one.edtf) for one in mentions(text, anchor)] == [(one.span, one.edtf) for one in plain]
