"""The heart: n in, n out, raw text untouched, and a bug costs a post its mentions at most."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.annotate import Toolkit, annotate, as_json, text_post
from pipeline.records import Group

TEXTS = [
    "تم تحرير خربة الناقوس والمنصورة والآن التقدم باتجاه تل واسط وبعدها باتجاه جسر الشغور",
    "",
    "Khirbat al-Naqus and al-Mansura have been liberated, the advance goes towards Tel Wasit and Jisr al-Shughur",
    "صباح الخير يا جماعة",
    "قصف عنيف على ريف حماة الغربي مساء أمس #الغاب https://t.me/x/1 @someone",
    "\ud800 broken \u202e signs \x00",
]
MEDLEY = st.lists(
    st.text(
        alphabet=st.sampled_from(list("ابتحدوليةهـ َّ١٢3/.-:#@_ \n\u200f\u0640\ud83dhAmasy'"))
        | st.characters(),
        max_size=60,
    )
    | st.sampled_from(TEXTS),
    max_size=6,
)


@pytest.fixture
def posts():
    return [text_post(n, text, datetime(2016, 2, 17, 14), "Asia/Damascus") for n, text in enumerate(TEXTS)]


def test_same_length_and_order(posts, toolkit: Toolkit):
    assert [annotated.post for annotated in annotate(posts, toolkit)] == posts
    assert annotate([], toolkit) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(texts=MEDLEY)
def test_laws_hold_for_any_text(texts, toolkit: Toolkit):
    posts = [text_post(n, text, datetime(2016, 2, 17, 14)) for n, text in enumerate(texts)]
    together = annotate(posts, toolkit, Group(("SY",)))
    assert len(together) == len(posts)
    for post, annotated in zip(posts, together, strict=True):
        assert annotated.fault is None
        assert annotated.post is post
        for mentions in (annotated.places, annotated.dates):
            spans = [mention.span for mention in mentions]
            assert all(0 <= span.start < span.end <= len(post.text) for span in spans)
            assert all(one.end <= two.start for one, two in pairwise(spans))
        assert [annotated] == annotate([post], toolkit, Group(("SY",)))


def test_a_bug_costs_one_post_its_mentions_and_nothing_else(posts, toolkit: Toolkit):
    alone = annotate(posts, toolkit)
    broken = replace(posts[1], text=None)  # what no reader yields: our own bug, made on purpose
    mixed = annotate([posts[0], broken, posts[2]], toolkit)
    assert [annotated.post for annotated in mixed] == [posts[0], broken, posts[2]]
    assert mixed[1].fault is not None
    assert mixed[1].places == mixed[1].dates == ()
    assert (mixed[0], mixed[2]) == (alone[0], alone[2])


def test_relative_words_count_from_the_posts_own_day_in_its_zone(toolkit: Toolkit):
    late = datetime.fromisoformat("2016-02-16T22:30:00+00:00")  # already the 17th in Damascus
    there = annotate([text_post(0, "أمس", late, "Asia/Damascus")], toolkit)[0]
    here = annotate([text_post(0, "أمس", late, "UTC")], toolkit)[0]
    assert [str(mention.date_from) for mention in there.dates + here.dates] == ["2016-02-16", "2016-02-15"]


def test_without_a_day_relative_words_stay_without_days(toolkit: Toolkit):
    mentions = annotate([text_post(0, "قصف أمس")], toolkit)[0].dates
    assert [(m.date_from, m.date_to, m.anchor_date) for m in mentions] == [(None, None, None)]


def test_as_json_points_back_into_the_text(posts, toolkit: Toolkit):
    for post, annotated in zip(posts, annotate(posts, toolkit, Group(("SY",))), strict=True):
        line = as_json(annotated, post.native_id)
        for mention in line["places"] + line["dates"]:
            assert post.text[mention["start"] : mention["end"]] == mention["surface"]


@pytest.mark.parametrize("precision", ["month", "year", "estimate"])
def test_no_day_is_counted_from_a_rough_time(toolkit: Toolkit, precision: str):
    post = text_post(0, "قصف أمس", datetime(2016, 2, 1, 12))
    found = annotate([post, replace(post, time_precision=precision)], toolkit)
    assert found[0].dates[0].edtf == "2016-01-31"
    assert found[1].dates[0].date_from is None
