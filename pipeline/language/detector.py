"""A detector for the posts that letters and words leave open: langdetect, or another by configuration.

A detector is asked about one script at a time and only its languages are taken, so that it cannot answer
"Arabic" for Latin letters; the same text always gets the same answer.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from pipeline.errors import ConfigError
from pipeline.language.vocabulary import words_of

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory

# For each script the languages that are asked about, and how much of a post's doubt is theirs beforehand.
# "Perso" is Arabic script from a Persian, Urdu or Kurdish keyboard.
PROFILES: Final[dict[str, dict[str, float]]] = {
    "Latn": {
        "ar-Latn": 6,
        "de": 0.5,
        "en": 30,
        "es": 0.5,
        "fr": 6,
        "id": 0.5,
        "it": 0.5,
        "kmr": 1,
        "nl": 0.5,
        "pt": 0.5,
        "sw": 0.5,
        "tr": 6,
    },
    "Arab": {"ar": 8, "fa": 1, "ur": 1},
    "Perso": {"ckb": 1, "fa": 2, "ur": 1},
    "Cyrl": {"bg": 1, "mk": 0.2, "ru": 40, "uk": 8},
}
_OURS: Final = frozenset(("ar-Latn", "ckb", "kmr"))  # langdetect has no profile of these
_LONGEST: Final = 300  # letters; more change no answer

Guess = Callable[[str, str], str | None]


@lru_cache(4096)  # forwards come again and again
def guess(text: str, script: str, detector: str = "langdetect") -> str | None:
    """The language of `text`, one of the PROFILES of its script; None where the detector knows none.

    Raises `ConfigError` where the detector's package is not installed.
    """
    require(detector)
    # Controls and lone surrogates raise in some of them.
    odd = {"Cc", "Cn", "Co", "Cs"}
    shown = "".join(" " if unicodedata.category(char) in odd else char for char in text[:_LONGEST]).strip()
    return DETECTORS[detector][1](shown, script) if shown else None


def require(detector: str) -> None:
    """Raise `ConfigError` that says what to install where a detector cannot be had."""
    package, _ = DETECTORS[detector]
    if find_spec(package) is None:
        raise ConfigError(f"language.detector is {detector}, which needs: pip install 'marsad[{detector}]'")


def _ask_langdetect(text: str, script: str) -> str | None:
    from langdetect.lang_detect_exception import LangDetectException  # noqa: PLC0415  read at first doubt only

    detector = _factory(script).create()
    detector.set_prior_map(PROFILES[script])
    detector.append(text)
    try:
        answer = str(detector.detect())
    except LangDetectException:
        return None
    return answer if answer in PROFILES[script] else None


@cache
def _factory(script: str) -> DetectorFactory:
    from langdetect.detector_factory import DetectorFactory  # noqa: PLC0415

    factory = DetectorFactory()
    factory.seed = 0
    folder = files("langdetect") / "profiles"
    factory.load_json_profile(
        [
            _profile(tag) if tag in _OURS else (folder / tag).read_text(encoding="utf-8")
            for tag in PROFILES[script]
        ]
    )
    return factory


def _profile(tag: str) -> str:
    """A profile in langdetect's form, counted over the words that our own tables list."""
    from langdetect.utils.ngram import NGram  # noqa: PLC0415

    counts: Counter[str] = Counter()
    for word in words_of(tag):
        text = "".join(map(NGram.normalize, word.lower()))
        for part in text.split():
            framed = f" {part} "
            counts.update(
                framed[at : at + size]
                for size in (1, 2, 3)
                for at in range(len(framed) - size + 1)
                if framed[at : at + size] != " "
            )
    totals = [sum(count for gram, count in counts.items() if len(gram) == size) for size in (1, 2, 3)]
    return json.dumps({"name": tag, "freq": dict(counts), "n_words": totals})


# What other detectors call a language of ours.
_LINGUA: Final = {
    "Latn": "ENGLISH FRENCH TURKISH GERMAN SPANISH ITALIAN DUTCH PORTUGUESE INDONESIAN SWAHILI SOMALI",
    "Arab": "ARABIC PERSIAN URDU",
    "Perso": "PERSIAN URDU",
    "Cyrl": "RUSSIAN UKRAINIAN BULGARIAN MACEDONIAN",
}
_CLD2: Final = {"ku": "ckb", "iw": "he", "in": "id"}


def _ask_lingua(text: str, script: str) -> str | None:
    answer = _lingua(script).detect_language_of(text)
    tag = None if answer is None else str(answer.iso_code_639_1.name).lower()
    return "ar-Latn" if tag == "so" else tag


@cache
def _lingua(script: str) -> Any:
    lingua = import_module("lingua")
    languages = [getattr(lingua.Language, name) for name in _LINGUA[script].split()]
    return lingua.LanguageDetectorBuilder.from_languages(*languages).build()


def _ask_cld2(text: str, script: str) -> str | None:
    _, _, details = import_module("pycld2").detect(text, isPlainText=True, bestEffort=True)
    tag = _CLD2.get(details[0][1], details[0][1])
    if script == "Latn" and tag == "ckb":
        tag = "kmr"
    return tag if tag in PROFILES[script] or (script, tag) in {("Latn", "so"), ("Latn", "az")} else None


# The name in the configuration to the package that it needs and the function that asks it.
DETECTORS: Final[dict[str, tuple[str, Guess]]] = {
    "langdetect": ("langdetect", _ask_langdetect),
    "lingua": ("lingua", _ask_lingua),
    "pycld2": ("pycld2", _ask_cld2),
}
