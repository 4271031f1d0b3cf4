"""The detectors that a configuration may choose, and what is told of a verdict."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.config import load
from pipeline.data import rows
from pipeline.errors import ConfigError
from pipeline.language import detect, require
from pipeline.language.detector import DETECTORS, PROFILES, guess
from pipeline.language.explain import explain_language
from pipeline.language.vocabulary import words_of
from pipeline.text import find_marks, normalize_batch, tokenize
from pipeline.text.explain import explain_text

HARD = [
    "negotiations stalled",
    "yanhareswed",
    "کلمات",
    "wibble wobble",
    "مرحبا",
    "سنوور",
    "\ud800 zz",
    "\x01 qq",
]


@pytest.fixture(params=sorted(DETECTORS))
def detector(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(DETECTORS[request.param][0])
    return request.param


def tags(texts: list[str], detector: str) -> list[str]:
    return [
        language.tag for language in detect(tokenize(normalize_batch(texts), find_marks(texts)), detector)
    ]


def test_answers_are_of_the_script(detector: str) -> None:
    for text, tag in zip(HARD, tags(HARD, detector), strict=True):
        arabic = any("\u0600" <= char < "\u0700" for char in text)
        assert (tag in {*PROFILES["Arab"], *PROFILES["Perso"], "und-Arab"}) == arabic, (text, tag)


def test_answers_are_repeated(detector: str) -> None:
    assert tags(HARD, detector) == tags(HARD, detector)
    assert tags(HARD[::-1], detector)[::-1] == tags(HARD, detector)


def test_plain_cases_need_no_detector(detector: str) -> None:
    texts = ["قصف على المدينة", "Shelling in the city", "ئەمڕۆ باران دەبارێت", "7abibi shu", "👍"]
    assert tags(texts, detector) == ["ar", "en", "ckb", "ar-Latn", "und"]


def test_each_detector_has_its_confidence() -> None:
    assert set(DETECTORS) <= {row["method"] for row in rows("language_confidence")}


@pytest.mark.parametrize("name", ["lingua", "pycld2"])
def test_a_detector_that_is_not_there_is_told(name: str) -> None:
    if find_spec(DETECTORS[name][0]) is not None:
        require(name)
        return
    with pytest.raises(ConfigError, match=rf"pip install 'marsad\[{name}\]'"):
        require(name)


@pytest.mark.parametrize(
    ("written", "detector"), [("", "langdetect"), ("language: {detector: lingua}", "lingua")]
)
def test_the_configuration_chooses(tmp_path: Path, written: str, detector: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{written}\nsources:\n  - name: a\n    files: a.json\n", encoding="utf-8")
    assert load(path).language.detector == detector


def test_a_detector_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("language: {detector: cld9}\nsources:\n  - {name: a, files: a.json}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)language\.detector.*langdetect"):
        load(path)


@pytest.mark.parametrize("tag", ["ar-Latn", "ckb", "kmr"])
def test_languages_that_langdetect_lacks_have_words_of_ours(tag: str) -> None:
    assert len(words_of(tag)) > 150


def test_langdetect_tells_arabizi() -> None:
    assert guess("shoofy okhtek wallah", "Latn") == "ar-Latn"
    assert guess("negotiations between the parties", "Latn") == "en"


def test_explain_language_tells_letters_words_and_segments() -> None:
    lines = explain_language("hello everyone هل الطريق مفتوح؟")
    assert lines[0].startswith("language    mul")
    assert "segment     ar Arab: هل الطريق مفتوح" in lines
    assert any("hello: en" in line for line in lines)
    assert explain_language("👍") == ["language    und, confidence 0.98: no letters"]
    assert "vocabulary  insurance: en" in explain_language("insurance")


@pytest.mark.parametrize(
    ("raw", "steps"),
    [
        ("plain text", []),
        ("\u200fإدلــب", ["invisible signs dropped: 1", "tatweel dropped: 2", "letters: إ → ا"]),
        ("ﻻ", ["presentation forms undone"]),
        ("قَصف", ["vowel marks dropped: 1"]),
        ("٣", ["digits: ٣ → 3"]),
        ("هههه  x", ["elongation: هههه → ه", "spaces: runs to one"]),
        (
            "#ريف_حماة 0944123456 👍",
            ["hashtag     #ريف_حماة: ريف حماة", "phone       0944123456", "emoji       👍"],
        ),
        ("\ud800 \x00", ["invisible signs dropped: 1"]),
    ],
)
def test_explain_text_tells_what_changed_and_nothing_else(raw: str, steps: list[str]) -> None:
    lines = explain_text(raw)
    for step in steps:
        assert any(step in line for line in lines), (step, lines)
    if not steps:
        assert lines == []
