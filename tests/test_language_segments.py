"""Segments of mixed posts: exact raw spans, and none in posts of one language."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.language import detect, detect_with_segments, find_segments
from pipeline.records import Language, Segment
from pipeline.text import find_marks, normalize_batch, tokenize

SCRAPS = st.sampled_from(
    [
        "قصف على المدينة",
        "the city is",
        "هێزەکانی پێشمەرگە",
        "#حلب",
        "https://t.me/a",
        "М",
        "дом и сад",
        "M5",
        "\n",
        "12",
        "گرانی نان",
    ]
)


def read(texts: list[str]) -> list[tuple[Language, tuple[Segment, ...]]]:
    tokens = tokenize(normalize_batch(texts), find_marks(texts))
    languages, segments = detect_with_segments(tokens)
    assert languages == detect(tokens)
    assert segments == find_segments(tokens, languages)
    return list(zip(languages, segments, strict=True))


def told(text: str) -> list[str]:
    language, segments = read([text])[0]
    assert (language.tag == "mul") == bool(segments)
    return [f"{segment.tag}:{segment.span.of(text)}" for segment in segments]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        (
            'قال المتحدث: "the city is under our control" وأضاف أن المعارك مستمرة',
            ["ar:قال المتحدث", "en:the city is under our control", "ar:وأضاف أن المعارك مستمرة"],
        ),
        (
            "Road from the city to بعلبك is blocked",
            ["en:Road from the city to", "ar:بعلبك", "en:is blocked"],
        ),
        (
            "اجتماع في أربيل اليوم\nهێزەکانی پێشمەرگە گەیشتنە شارەکە\nوشكرا لكم",
            ["ar:اجتماع في أربيل اليوم", "ckb:هێزەکانی پێشمەرگە گەیشتنە شارەکە", "ar:وشكرا لكم"],
        ),
        (
            "قصف عنيف على مدينة حلب\nگرانی نان در تهران است و مردم ناراحت هستند",
            ["ar:قصف عنيف على مدينة حلب", "fa:گرانی نان در تهران است و مردم ناراحت هستند"],
        ),
        (
            "Meeting point changed to the school\nBuluşma noktası okul olarak değişti",
            ["en:Meeting point changed to the school", "tr:Buluşma noktası okul olarak değişti"],
        ),
        (
            "Привет всем друзьям قصف على المدينة الآن",
            ["ru:Привет всем друзьям", "ar:قصف على المدينة الآن"],
        ),
        (
            "الفيديو: watch this here على يوتيوب https://t.me/a",
            ["ar:الفيديو", "en:watch this here", "ar:على يوتيوب"],
        ),
        ("وصلت القـــافلة the aid convoy", ["ar:وصلت القـــافلة", "en:the aid convoy"]),
    ],
)
def test_segments(text: str, segments: list[str]) -> None:
    assert told(text) == segments


@pytest.mark.parametrize(
    "text",
    [
        "قصف عنيف على المدينة",
        "طريق M5 مفتوح أمام السيارات",
        "شلونك شگد اريد اروح للسوگ\nچان الجو زين هواي",
        "ايه ده يا عم انت بتهزر\nدلوقتي مفيش كهربا",
        "Shelling in the city\n\nThe road is closed",
        "هێزەکانی پێشمەرگە گەیشتنە شارەکە\nخەڵکی شارەکە دڵخۆش بوون",
        "قصف على المدينة\n\nhttps://t.me/the_news_of_the_day @the_news #breaking_news",
        "7abibi shu\nkifak ya 7abibi",
        "",
        "12/03/2015 👍",
    ],
)
def test_one_language_has_no_segments(text: str) -> None:
    assert told(text) == []


def test_scripts_are_iso_15924() -> None:
    _, segments = read(["Привет всем друзьям قصف على المدينة the end of it"])[0]
    assert [segment.script for segment in segments] == ["Cyrl", "Arab", "Latn"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(SCRAPS | st.text(max_size=4), max_size=7).map(" ".join), max_size=4))
def test_segments_are_sorted_disjoint_and_apart_from_the_batch(texts: list[str]) -> None:
    found = read(texts)
    assert found == [read([text])[0] for text in texts]
    for text, (language, segments) in zip(texts, found, strict=True):
        assert not segments or language.tag == "mul"
        assert all(0 <= one.span.start < one.span.end <= len(text) for one in segments)
        assert all(one.span.end <= two.span.start for one, two in pairwise(segments))
        assert all((one.script, one.tag) != (two.script, two.tag) for one, two in pairwise(segments))
