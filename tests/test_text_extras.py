"""Telephone numbers, emoji and the words of hashtags: as many texts that hold none as that hold some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.dates import find_dates
from pipeline.records import Anchor, DateHabits
from pipeline.text import OPAQUE, find_marks, normalize_batch, tokenize
from pipeline.text.hashtags import hashtag_words

TABLE = Path(__file__).parent / "cases" / "text_extras.tsv"


def cases() -> list[tuple[str, ...]]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [tuple(line.split("\t")) for line in lines[1:]]


def decoded(cell: str) -> str:
    return json.loads(f'"{cell}"')


@pytest.mark.parametrize(
    ("raw", "phones", "emoji"), [case[1:] for case in cases()], ids=[c[0] for c in cases()]
)
def test_extras(raw: str, phones: str, emoji: str) -> None:
    text = decoded(raw)
    marks = find_marks([text])
    assert [span.of(text) for span in marks.phone_spans[0]] == (
        [] if phones == "-" else decoded(phones).split("|")
    )
    assert list(marks.emoji[0]) == ([] if emoji == "-" else decoded(emoji).split("|"))
    assert set(marks.phone_spans[0]) <= set(marks.opaque_spans[0])


def test_as_many_find_nothing() -> None:
    silent = sum(phones == "-" and emoji == "-" for _, _, phones, emoji in cases())
    assert silent >= 0.4 * len(cases())


def test_a_phone_is_one_token() -> None:
    texts = ["للتواصل 0944 123 456 اليوم"]
    assert tokenize(normalize_batch(texts), find_marks(texts)).surfaces == ["للتواصل", OPAQUE, "اليوم"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("قصف يوم 14/03/2015", 1),
        ("قصف يوم 2015-03-14", 1),
        ("قصف بتاريخ ١٤/٣/٢٠١٥", 1),
        ("للتواصل 0944 123 456", 0),
        ("call 0532 123 45 67", 0),
        ("+963 944 12 03 2015", 0),
    ],
)
def test_dates_are_left_and_phones_are_no_dates(text: str, count: int) -> None:
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    assert len(find_dates(tokens, [Anchor()], DateHabits())[0]) == count


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ريف_حماة", "ريف حماة"),
        ("SaveAleppo", "Save Aleppo"),
        ("PrayForSyria", "Pray For Syria"),
        ("UNHCRReport", "UNHCR Report"),
        ("IdlibUnderFire", "Idlib Under Fire"),
        ("حلب2016", "حلب 2016"),
        ("Aleppo2016", "Aleppo 2016"),
        ("حلبAleppo", "حلب Aleppo"),
        ("لا_للقصف_2015", "لا للقصف 2015"),
        ("__عاجل__", "عاجل"),
        ("DeirEzZor", "Deir Ez Zor"),
        ("عاجل", "عاجل"),
        ("breaking", "breaking"),
        ("SYRIA", "SYRIA"),
        ("iPhone", "iPhone"),
        ("YouTube", "YouTube"),
        ("COVID19", "COVID19"),
        ("G20", "G20"),
        ("M5", "M5"),
        ("عـاجل", "عـاجل"),
        ("7abibi", "7abibi"),
    ],
)
def test_hashtag_words(name: str, words: str) -> None:
    assert hashtag_words(name) == words


def test_hashtag_words_stand_beside_their_hashtags() -> None:
    marks = find_marks(["#ريف_حماة و #SaveAleppo", "", "#عاجل"])
    assert marks.hashtags == [("ريف_حماة", "SaveAleppo"), (), ("عاجل",)]
    assert marks.hashtag_words == [("ريف حماة", "Save Aleppo"), (), ("عاجل",)]
