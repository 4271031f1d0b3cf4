"""langdetect for the posts that letters and words leave open.

It is asked about one script at a time, with the profiles of that script only, so that it cannot
answer "Arabic" for Latin letters; it is seeded, so that the same text gets the same answer.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory

# For each script the languages that are asked about, and how much of a post's doubt is theirs beforehand.
# "Perso" is Arabic script from a Persian, Urdu or Kurdish keyboard.
PROFILES: Final[dict[str, dict[str, float]]] = {
    "Latn": {
        "de": 0.5,
        "en": 30,
        "es": 0.5,
        "fr": 6,
        "id": 0.5,
        "it": 0.5,
        "nl": 0.5,
        "pt": 0.5,
        "so": 0.5,
        "sw": 0.5,
        "tr": 6,
    },
    "Arab": {"ar": 8, "fa": 1, "ur": 1},
    "Perso": {"fa": 2, "ur": 1},
    "Cyrl": {"bg": 1, "mk": 1, "ru": 4, "uk": 2},
}


def guess(text: str, script: str) -> str | None:
    """The language of `text`, one of the PROFILES of its script; None where langdetect finds no feature.

    langdetect has no profile for Arabic in Latin letters and takes it for Somali more often than for any
    other language; Somali itself is known by its words before langdetect is asked.
    """
    from langdetect.lang_detect_exception import LangDetectException  # noqa: PLC0415  read at first doubt only

    detector = _factory(script).create()
    detector.set_prior_map(PROFILES[script])
    detector.append(text)
    try:
        answer = str(detector.detect())
    except LangDetectException:
        return None
    if answer not in PROFILES[script]:
        return None
    return "ar-Latn" if answer == "so" else answer


@cache
def _factory(script: str) -> DetectorFactory:
    from langdetect.detector_factory import DetectorFactory  # noqa: PLC0415

    factory = DetectorFactory()
    factory.seed = 0
    folder = files("langdetect") / "profiles"
    factory.load_json_profile([(folder / tag).read_text(encoding="utf-8") for tag in PROFILES[script]])
    return factory
