"""The language of posts: a table of examples, and laws that hold for any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data import rows
from pipeline.language import detect
from pipeline.language.letters import GROUPS
from pipeline.records import Language
from pipeline.text import find_marks, normalize_batch, tokenize

TABLE = Path(__file__).parent / "cases" / "language.tsv"
SCRAPS = st.sampled_from(
    [
        "قصف",
        "the",
        "ئەمڕۆ",
        "7abibi",
        "می‌رود",
        "#حلب",
        "https://t.me/a",
        "@user",
        "İdlib",
        "٣",
        "👍",
        "\ud800",
        "ß",
        "\n",
        " ",
    ]
)


def languages(texts: list[str]) -> list[Language]:
    return detect(tokenize(normalize_batch(texts), find_marks(texts)))


def cases() -> list[pytest.param]:
    head, *lines = [
        line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    assert head.split("\t") == ["label", "text", "tag", "expect"]
    found = []
    for label, text, tag, expect in (line.split("\t") for line in lines):
        marks = [pytest.mark.xfail(strict=True)] if expect == "fail" else []
        found.append(pytest.param(text.replace("\\n", "\n"), tag, id=label, marks=marks))
    return found


def test_table_is_broad() -> None:
    assert len(cases()) >= 150


@pytest.mark.parametrize(("text", "tag"), cases())
def test_language(text: str, tag: str) -> None:
    assert languages([text])[0].tag == tag


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(SCRAPS | st.text(max_size=5), max_size=8).map(" ".join), max_size=6))
def test_a_batch_is_its_posts(texts: list[str]) -> None:
    assert languages(texts) == [languages([text])[0] for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_shares_and_confidence_are_shares(text: str) -> None:
    (language,) = languages([text])
    assert 0 <= language.confidence <= 1
    assert 0 <= language.arabic_share <= 1
    assert 0 <= language.latin_share <= 1
    assert language.arabic_share + language.latin_share <= 1 + 1e-9


@pytest.mark.parametrize(
    "text", ["قصف عنيف على المدينة", "heavy shelling in the city", "گرانی نان در تهران است", "nn", "👍"]
)
def test_links_and_handles_do_not_count(text: str) -> None:
    bare = languages([text])[0]
    dressed = languages(
        [f"{text} https://example.com/the/news/and/more @the_news_of_today info@example.org"]
    )[0]
    assert dressed == bare


def test_shares_of_a_mixed_post() -> None:
    (language,) = languages(["check حلب"])
    assert (language.tag, language.arabic_share, language.latin_share) == ("mul", 3 / 8, 5 / 8)


def test_hashtags_count_where_nothing_else_does() -> None:
    arabic, english = languages(["#عاجل_من_حلب", "وصلت القافلة إلى البلدة #breaking_news_from_the_city"])
    assert (arabic.tag, arabic.arabic_share) == ("ar", 1.0)
    assert (english.tag, english.latin_share) == ("ar", 0.0)


def test_langdetect_never_contradicts_the_script() -> None:
    texts = ["qwrtz plok", "مقبره", "کلمات", "zzz", "بببب"]
    for text, language in zip(texts, languages(texts), strict=True):
        arabic = text[0] >= "\u0600"
        assert (language.tag in {"ar", "fa", "ur", "ckb", "und-Arab"}) == arabic, (text, language)


def test_answers_are_repeated() -> None:
    texts = ["database", "insurance", "bahebak", "کلمات", "مبارک"] * 3
    once = languages(texts)
    assert once == languages(texts)
    assert once[:5] == once[5:10]


def test_every_listed_letter_has_a_group_and_one_only() -> None:
    letters = [letter for row in rows("language_letters") for letter in row["letters"]]
    assert len(letters) == len(set(letters))
    assert {row["group"] for row in rows("language_letters")} <= set(GROUPS)


def test_frequent_words_are_single_tokens() -> None:
    words = [row["word"] for row in rows("function_words")]
    assert len(words) == len(set(words))
    tokens = tokenize(normalize_batch(words), find_marks(words))
    several = [
        word for word, a, b in zip(words, tokens.bounds, tokens.bounds[1:], strict=False) if b - a != 1
    ]
    assert several == []
