"""Which language a post is written in."""

from __future__ import annotations

from pipeline.language.cascade import read_languages
from pipeline.language.detector import require
from pipeline.language.segments import find_segments, settle_and_segment, settle_lines
from pipeline.records import Language, Segment
from pipeline.text import TokenBatch

__all__ = ["detect", "detect_with_segments", "find_segments", "require"]


def detect(tokens: TokenBatch, detector: str = "langdetect") -> list[Language]:
    """The language of every post of the batch, in order.

    Links, addresses and handles do not count, and hashtags only where there is next to nothing else.
    Letters decide where they can, then frequent words and the digits of Arabizi, then everyday words; only
    what is still open is put to the detector: langdetect, or lingua or pycld2 where they are installed.
    `mul` is a post in several scripts of which none is a mere name, or with lines in several languages;
    `und` a post without letters or a bare name in Latin letters; `und-Arab` one in Arabic script whose
    language nobody here knows.
    The confidence is the share of right answers that its method gave when measured, not a likelihood.
    Raises `ConfigError` where the detector's package is not installed.

    >>> from pipeline.text import find_marks, normalize_batch, tokenize
    >>> texts = ["قصف على المدينة", "Shelling in the city", "ئەمڕۆ باران دەبارێت", "👍 12"]
    >>> [language.tag for language in detect(tokenize(normalize_batch(texts), find_marks(texts)))]
    ['ar', 'en', 'ckb', 'und']
    """
    return settle_lines(tokens, read_languages(tokens, detector), detector)


def detect_with_segments(
    tokens: TokenBatch, detector: str = "langdetect"
) -> tuple[list[Language], list[tuple[Segment, ...]]]:
    """`detect` and the `find_segments` of its answer, for less than the two cost one after the other."""
    return settle_and_segment(tokens, read_languages(tokens, detector), detector)
