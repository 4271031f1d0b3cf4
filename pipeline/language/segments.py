"""Which part of a post is in which script and language."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from pipeline.data import rows
from pipeline.language.cascade import Readings, confidence_of, read_languages
from pipeline.language.letters import Letters
from pipeline.language.words import Words
from pipeline.records import Language, Segment, Span
from pipeline.text import TokenBatch, find_marks, normalize_batch, tokenize
from pipeline.text.tokens import ARABIC, LATIN, LETTER

_LEAST: Final = 3  # letters of another script; fewer are part of the text around them
_LINE: Final = 12  # letters from which a line speaks for itself
_SCRIPTS: Final = {ARABIC: "Arab", LATIN: "Latn"}
_DEFAULT: Final = {"Arab": "ar"}


class _Piece(Struct):
    """A run of words of one script in one line of a post."""

    kind: int
    line: int
    first: int  # token
    last: int  # token, inclusive
    letters: int


class _Part(Struct, frozen=True):
    span: Span
    script: str
    tag: str
    letters: int
    sure: bool


def find_segments(
    tokens: TokenBatch, languages: Sequence[Language], detector: str = "langdetect"
) -> list[tuple[Segment, ...]]:
    """The segments of every post that is `mul`; none of posts in one language.

    A segment goes from its first word to its last; what stands between two segments (punctuation, digits,
    links) belongs to neither, and one or two letters of another script to the words around them.

    >>> texts = ["قال لنا: the road to Aleppo is closed ثم مضى"]
    >>> tokens = tokenize(normalize_batch(texts), find_marks(texts))
    >>> from pipeline.language import detect
    >>> [(segment.tag, segment.span.of(texts[0])) for segment in find_segments(tokens, detect(tokens))[0]]
    [('ar', 'قال لنا'), ('en', 'the road to Aleppo is closed'), ('ar', 'ثم مضى')]
    """
    mixed = _mixed(languages)
    parts = dict(zip(mixed, _parts(tokens, mixed, detector), strict=True))
    return _segments(languages, parts)


def settle_lines(tokens: TokenBatch, readings: Readings, detector: str) -> list[Language]:
    """The languages of posts as wholes, but `mul` where lines in one script are in several languages."""
    several = _several(tokens, readings)
    return _settled(readings.languages, dict(zip(several, _parts(tokens, several, detector), strict=True)))


def settle_and_segment(
    tokens: TokenBatch, readings: Readings, detector: str
) -> tuple[list[Language], list[tuple[Segment, ...]]]:
    """`settle_lines` and the `find_segments` of what it gives, reading the pieces of posts once."""
    several = _several(tokens, readings)
    asked = [*several, *_mixed(readings.languages)]
    parts = dict(zip(asked, _parts(tokens, asked, detector), strict=True))
    languages = _settled(readings.languages, {post: parts[post] for post in several})
    return languages, _segments(languages, parts)


def _mixed(languages: Sequence[Language]) -> list[int]:
    return [post for post, language in enumerate(languages) if language.tag == "mul"]


def _several(tokens: TokenBatch, readings: Readings) -> list[int]:
    languages = readings.languages
    several = _may_be_several(tokens, readings.letters, readings.words)
    return [post for post in several if languages[post].tag not in {"und", "mul"}]


def _segments(languages: Sequence[Language], parts: Mapping[int, list[_Part]]) -> list[tuple[Segment, ...]]:
    segments: list[tuple[Segment, ...]] = [()] * len(languages)
    for post in _mixed(languages):
        joined = _joined(parts[post])
        segments[post] = tuple([Segment(part.span, part.script, part.tag) for part in joined])
    return segments


def _settled(read: Sequence[Language], by_post: Mapping[int, list[_Part]]) -> list[Language]:
    languages = list(read)
    for post, parts in by_post.items():
        tags = {part.tag for part in parts if part.sure and part.letters >= _LINE}
        if len(tags - {"und-Arab"}) > 1:
            letters = sum(part.letters for part in parts)
            languages[post] = msgspec.structs.replace(
                languages[post], tag="mul", method="lines", confidence=confidence_of("lines", letters)
            )
    return languages


def _may_be_several(tokens: TokenBatch, letters: Letters, words: Words) -> list[int]:
    """Posts of two lines or more that show letters or words of two languages."""
    size = len(tokens.normalized)
    bounds = np.array(tokens.bounds, np.int64)
    breaks = np.append(0, np.cumsum(np.frombuffer(tokens.breaks, np.uint8), dtype=np.int64))
    lines = breaks[bounds[1:]] - breaks[bounds[:-1]]
    eastern = sum(map(letters.of, ("keheh_yeh", "pe_che", "ckb", "ckb_ug")), start=letters.of("ur"))
    arabic = (eastern >= 2) & (letters.of("ar") + words.article >= 1)
    eastern_two = (eastern >= 3) & (np.sum([words.hits[tag] >= 1 for tag in ("fa", "ur", "ckb")], axis=0) > 1)
    speaks = {tag: words.hits[tag] for tag in ("en", "fr", "tr", "kmr", "de", "ar-Latn")}
    speaks["tr"] = speaks["tr"] + letters.of("tr")
    latin = [hits >= 2 for hits in speaks.values()]
    two = arabic | eastern_two | (np.sum(latin, axis=0) > 1)
    return np.flatnonzero((lines >= 2) & two).tolist() if size else []


def _parts(tokens: TokenBatch, posts: Sequence[int], detector: str) -> list[list[_Part]]:
    """The pieces of these posts, each with its own language."""
    if not posts:
        return []
    pieces = [_pieces(tokens, post) for post in posts]
    spans = [[_span(tokens, piece) for piece in of_post] for of_post in pieces]
    texts = [
        span.of(tokens.normalized.raw[post])
        for post, of_post in zip(posts, spans, strict=True)
        for span in of_post
    ]
    alone = tokenize(normalize_batch(texts), find_marks(texts))
    languages = iter(read_languages(alone, detector, _LINE).languages)
    found: list[list[_Part]] = []
    for of_post, spans_of_post in zip(pieces, spans, strict=True):
        parts = []
        for piece, span in zip(of_post, spans_of_post, strict=True):
            script = _SCRIPTS.get(piece.kind) or _script_of(tokens.surfaces[piece.first][0])
            language = next(languages)
            parts.append(_Part(span, script, language.tag, piece.letters, _is_sure(language, piece.letters)))
        found.append(_agreed(parts))
    return found


def _is_sure(language: Language, letters: int) -> bool:
    if language.tag in {"und", "mul"} or language.method == "script":
        return False
    if language.method in {"letters", "words", "arabizi"}:
        return letters >= _LEAST
    return letters >= _LINE


def _pieces(tokens: TokenBatch, post: int) -> list[_Piece]:
    """Runs of words of one script, line by line; words of hashtags only where there are no others."""
    first, end = tokens.bounds[post], tokens.bounds[post + 1]
    kinds, tagged, surfaces = tokens.kinds[first:end], tokens.in_hashtag[first:end], tokens.surfaces
    words = [at for at, kind in enumerate(kinds) if ARABIC <= kind <= LETTER]
    words = [at for at in words if not tagged[at]] or words
    lines = list(accumulate(tokens.breaks[first:end]))
    pieces: list[_Piece] = []
    for at in words:
        kind, line, letters = kinds[at], lines[at], len(surfaces[first + at])
        last = pieces[-1] if pieces else None
        if last is not None and last.kind == kind and last.line == line:
            last.last = first + at
            last.letters += letters
        else:
            pieces.append(_Piece(kind, line, first + at, first + at, letters))
    if len(pieces) < 2:
        return pieces
    joined: list[_Piece] = []
    for piece in pieces:
        if piece.letters < _LEAST:
            continue
        last = joined[-1] if joined else None
        if last is not None and last.kind == piece.kind and last.line == piece.line:
            last.last = piece.last
            last.letters += piece.letters
        else:
            joined.append(piece)
    return joined


def _agreed(parts: list[_Part]) -> list[_Part]:
    """What is too short to tell takes the language of the sure parts in its script, where these agree."""
    sure: dict[str, set[str]] = {}
    for part in parts:
        if part.sure:
            sure.setdefault(part.script, set()).add(part.tag)
    agreed = []
    for part in parts:
        if not part.sure:
            known = sure.get(part.script, set())
            tag = next(iter(known)) if len(known) == 1 else _DEFAULT.get(part.script, "und")
            part = msgspec.structs.replace(part, tag=tag)
        agreed.append(part)
    return agreed


def _joined(parts: Sequence[_Part]) -> list[_Part]:
    """Neighbors in one script and language become one."""
    joined: list[_Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and (last.script, last.tag) == (part.script, part.tag):
            joined[-1] = msgspec.structs.replace(last, span=Span(last.span.start, part.span.end))
        else:
            joined.append(part)
    return joined


def _span(tokens: TokenBatch, piece: _Piece) -> Span:
    return tokens.normalized.span(tokens.starts[piece.first], tokens.ends[piece.last])


def _script_of(letter: str) -> str:
    """ISO 15924 code of a letter that is neither Arabic nor Latin; Zyyy where the table has none."""
    first, last, codes = _scripts()
    at = bisect_right(first, ord(letter)) - 1
    return codes[at] if at >= 0 and ord(letter) <= last[at] else "Zyyy"


@cache
def _scripts() -> tuple[list[int], list[int], list[str]]:
    table = sorted(
        (int(row["first"], 16), int(row["last"], 16), row["script"]) for row in rows("language_scripts")
    )
    first, last, codes = zip(*table, strict=True)
    return list(first), list(last), list(codes)
