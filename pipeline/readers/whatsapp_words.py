"""What WhatsApp itself writes into a chat, in the phone's language: media, deletions, notices."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from msgspec import Struct

from pipeline.data import rows
from pipeline.readers.interface import storable
from pipeline.readers.printed_times import INVISIBLE

DIRECTION = ("\u200e", "\u200f")


def content_of(body: str) -> tuple[str, str, tuple[str, ...], bool]:
    """Kind, text and media of a message, and whether it says that it was edited."""
    first, newline, caption = body.partition("\n")
    shown = bare(first)
    line = shown.casefold()
    if not newline:
        if _phrases("deleted").has(line):
            return "deleted", "", (), False
        if (kind := _phrases("media").kind_of(line)) is not None:
            return "media", "", (kind,), False
    if (name := _phrases("attached").inside(shown)) is not None:
        return ("post" if caption.strip() else "media"), caption, (storable(name),), False
    edited = False
    if body.rstrip(f" \n{INVISIBLE}").casefold().endswith(_phrases("edited").whole):
        body, edited = body[: body.rindex("<")].rstrip(f" \n{INVISIBLE}"), True
    return ("poll" if line == "poll:" else "post"), body, (), edited


def is_marked(body: str) -> bool:
    """Whether a direction mark stands behind a name: iOS sets it before its own words."""
    return body[:1] in DIRECTION


def is_own_line(body: str, author: str, by_group: bool = False) -> bool:
    """Whether a text behind a name is WhatsApp's: iOS sets a name and a direction mark before its notices.

    A marked line is a notice, in whatever language, where the name is the group's (`by_group`), or where it
    tells of the writer by name: "Rim: \N{LEFT-TO-RIGHT MARK}Rim left".
    """
    shown = bare(body[:200])
    if shown.casefold().startswith(_phrases("system").whole):
        return True
    if not is_marked(body) or "\n" in body or not shown or content_of(body)[0] != "post":
        return False
    return by_group or (len(author) > 1 and author in shown) or _own().search(shown) is not None


def is_sentence(name: str) -> bool:
    """Whether what stands before a colon is rather the beginning of one of WhatsApp's own lines."""
    return (
        any(name.count(opening) > name.count(closing) for opening, closing in _QUOTES)
        or name.count('"') % 2 == 1
        or name.casefold().startswith(_phrases("system").whole)
        or re.search(rf"(?<!\w)(?:{_verbs()})(?!\w)", name, re.IGNORECASE) is not None
    )


_QUOTES = (
    ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"),
    ("\N{DOUBLE LOW-9 QUOTATION MARK}", "\N{LEFT DOUBLE QUOTATION MARK}"),
    ("\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}", "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"),
)
"""English and Arabic, German, French and Arabic."""


@cache
def _own() -> re.Pattern[str]:
    own = (re.escape(row["phrase"]) for row in rows("whatsapp_lines") if row["what"] == "own")
    return re.compile(rf"(?<!\w)(?:{_verbs()}|{'|'.join(own)})(?!\w)", re.IGNORECASE)


@cache
def _verbs() -> str:
    return "|".join(re.escape(row["phrase"]) for row in rows("whatsapp_lines") if row["what"] == "verb")


class _Phrases(Struct, frozen=True):
    """WhatsApp's own words of one kind, in small letters."""

    whole: tuple[str, ...]  # without a gap
    kinds: dict[str, str]  # of whole phrases
    gaps: tuple[tuple[str, str, str], ...]  # what is before the gap, behind it, and the kind
    starts: tuple[str, ...]
    ends: tuple[str, ...]

    def kind_of(self, line: str) -> str | None:
        """The kind of a line in small letters that is one of them from end to end."""
        if (kind := self.kinds.get(line)) is not None:
            return kind
        if not (line.startswith(self.starts) and line.endswith(self.ends)):
            return None
        for before, behind, kind in self.gaps:
            if line.startswith(before) and line.endswith(behind) and len(line) > len(before) + len(behind):
                return kind
        return None

    def has(self, line: str) -> bool:
        return self.kind_of(line) is not None

    def inside(self, line: str) -> str | None:
        """What stands in the gap of a phrase."""
        small = line.casefold()
        if len(small) != len(line) or not (small.startswith(self.starts) and small.endswith(self.ends)):
            return None
        for before, behind, _ in self.gaps:
            if small.startswith(before) and small.endswith(behind) and len(line) > len(before) + len(behind):
                return line[len(before) : len(line) - len(behind)]
        return None


@cache
def _phrases(what: Literal["media", "attached", "deleted", "edited", "system"]) -> _Phrases:
    found = [row for row in rows("whatsapp_lines") if row["what"] == what]
    whole = {row["phrase"].casefold(): row["kind"] for row in found if "*" not in row["phrase"]}
    gaps = []
    for row in found:
        before, star, behind = row["phrase"].casefold().partition("*")
        if star:
            gaps.append((before, behind, row["kind"]))
    starts, ends = {before for before, _, _ in gaps}, {behind for _, behind, _ in gaps}
    return _Phrases(tuple(whole), whole, tuple(gaps), tuple(sorted(starts)), tuple(sorted(ends)))


_MARK = re.compile(f"[{INVISIBLE}]+")


def bare(text: str) -> str:
    return (_MARK.sub("", text) if _MARK.search(text) else text).strip()
