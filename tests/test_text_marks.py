"""Hashtags, handles and links: a table of examples, and laws that hold for any text."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Span
from pipeline.text import find_marks

TABLE = Path(__file__).parent / "cases" / "normalize_marks.tsv"
SCRAPS = st.sampled_from(
    [
        "#",
        "@",
        "://",
        "http",
        "www.",
        ".com",
        "t.me",
        "/",
        ".",
        "حلب",
        "abc",
        "_",
        "1",
        " ",
        "\n",
        "\u200c",
        "(",
        ")",
        "،",
        "\u2068",
        "\u2069",
    ]
)
posts = st.lists(SCRAPS | st.text(max_size=3), max_size=12).map("".join)


def cases() -> list[pytest.param]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = []
    for line in lines[1:]:
        label, raw, *lists, expect = line.split("\t")
        marks = [pytest.mark.xfail(strict=True)] if expect == "fail" else []
        decoded = [json.loads(f'"{cell}"').split() if cell != "-" else [] for cell in lists]
        found.append(pytest.param(json.loads(f'"{raw}"'), *decoded, id=label, marks=marks))
    return found


@pytest.mark.parametrize(("raw", "hashtags", "mentions", "urls"), cases())
def test_marks(raw: str, hashtags: list[str], mentions: list[str], urls: list[str]) -> None:
    marks = find_marks([raw])
    assert list(marks.hashtags[0]) == hashtags
    assert [name.replace(" ", "\u00b7") for name in marks.mentions[0]] == mentions
    assert list(marks.urls[0]) == urls


@settings(max_examples=120, deadline=None)
@given(st.lists(posts, max_size=5))
def test_a_batch_is_its_posts(texts: list[str]) -> None:
    batch = find_marks(texts)
    for field in batch.__struct_fields__:
        assert getattr(batch, field) == [getattr(find_marks([text]), field)[0] for text in texts]


@settings(max_examples=300, deadline=None)
@given(posts)
def test_spans_are_sorted_disjoint_and_true(raw: str) -> None:
    marks = find_marks([raw])
    opaque, tagged = marks.opaque_spans[0], marks.hashtag_spans[0]
    spans = sorted([*opaque, *tagged], key=lambda span: span.start)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert [span.of(raw) for span in tagged] == [f"#{tag}" for tag in marks.hashtags[0]]
    surfaces = [span.of(raw) for span in opaque]
    assert all(url in surfaces for url in marks.urls[0])
    assert all(surface == surface.strip() != "" for surface in surfaces)
    assert list(opaque) == sorted(opaque, key=lambda span: span.start)


def test_spans_count_from_their_own_post() -> None:
    marks = find_marks(["قصف #حلب", "", "via @abc t.me/x"])
    assert marks.hashtag_spans == [(Span(4, 8),), (), ()]
    assert marks.opaque_spans == [(), (), (Span(4, 8), Span(9, 15))]
    assert marks.urls == [(), (), ("t.me/x",)]


def test_no_posts() -> None:
    assert find_marks([]).hashtags == []
