"""A post with its places and dates marked in the words that name them, as HTML for a notebook.

Marks follow the raw spans.  They are no bidirectional isolates, because a letter glued to a name ("بحماة")
would lose its join; the whole text is one.  Embeddings, overrides and isolates that a post holds are shown as
signs, so that they reorder nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any, Final, Literal

from msgspec import Struct

_ORDERING: Final = {
    0x202A: "LRE",
    0x202B: "RLE",
    0x202C: "PDF",
    0x202D: "LRO",
    0x202E: "RLO",
    0x2066: "LRI",
    0x2067: "RLI",
    0x2068: "FSI",
    0x2069: "PDI",
}  # what would turn the order of other letters
_COLORS: Final = {"place": "rgba(33,136,56,.28)", "date": "rgba(13,110,253,.26)"}  # on light and dark pages


class Marked(Struct, frozen=True):
    """Words of a text and what was read in them; `start` and `end` are half-open code points."""

    start: int
    end: int
    kind: Literal["place", "date"]
    told: str  # one line, plain text


class Mentions:
    """A post and its mentions; a notebook shows it as HTML, print as plain text."""

    def __init__(
        self,
        post: Mapping[str, Any],
        places: Sequence[Mapping[str, Any]],
        dates: Sequence[Mapping[str, Any]],
    ) -> None:
        """The rows of a post, its places and its dates, as the tables have them."""
        self.post = dict(post)
        self.marked = sorted(
            [
                *(Marked(row["start"], row["end"], "place", _place(row)) for row in places),
                *(Marked(row["start"], row["end"], "date", _date(row)) for row in dates),
            ],
            key=lambda mark: (mark.start, -mark.end, mark.kind),
        )

    def __repr__(self) -> str:
        text = self.post["text"]
        lines = [f"{self.post['post_id']}: {text}"]
        lines += [f"  {mark.kind} {text[mark.start : mark.end]!r}: {mark.told}" for mark in self.marked]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        post = self.post
        text = post["text"]
        when = post.get("posted_at")
        head = [post["post_id"], post["source"], f"{when:%Y-%m-%d %H:%M} UTC" if when else "time unknown"]
        rows = "".join(
            f'<tr><td style="text-align:start">{mark.kind}</td>'
            f'<td style="text-align:start"><bdi>{_safe(text[mark.start : mark.end])}</bdi></td>'
            f'<td style="text-align:start"><bdi dir="ltr">{_safe(mark.told)}</bdi></td></tr>'
            for mark in self.marked
        )
        return (
            '<div style="max-width:50em"><div style="opacity:.75;font-size:90%">'
            + " · ".join(f"<bdi>{_safe(part)}</bdi>" for part in [*head, post.get("language") or "und"])
            + f'</div><div dir="{direction(post)}" style="white-space:pre-wrap;unicode-bidi:isolate;'
            'font-size:110%;line-height:1.7;margin:.4em 0;text-align:start">'
            + highlighted(text, self.marked)
            + "</div>"
            + (f"<table>{rows}</table>" if rows else "<div>no places and no dates</div>")
            + "</div>"
        )


def highlighted(text: str, marked: Sequence[Marked]) -> str:
    """The text as HTML, escaped, the marked words in `<mark>` with what they mean as their title.

    Where marks overlap each piece tells of all that cover it.  Spans beyond the text are ignored.

    >>> highlighted("a<b> Homs", [Marked(5, 9, "place", "Homs, city")]).startswith("a&lt;b&gt; <mark ")
    True
    """
    inside = [mark for mark in marked if 0 <= mark.start < mark.end <= len(text)]
    edges = sorted({0, len(text), *(edge for mark in inside for edge in (mark.start, mark.end))})
    return "".join(_pieces(text, inside, edges))


def direction(post: Mapping[str, Any]) -> str:
    """Where the text of a post begins: by the script of most of its letters, else by its first one.

    >>> direction({"arabic_share": 0.9, "latin_share": 0.1}), direction({})
    ('rtl', 'auto')
    """
    arabic, latin = post.get("arabic_share") or 0.0, post.get("latin_share") or 0.0
    if arabic == latin == 0.0:
        return "auto"
    return "rtl" if arabic >= latin else "ltr"


def _pieces(text: str, marked: Sequence[Marked], edges: Sequence[int]) -> Iterator[str]:
    for start, end in pairwise(edges):
        over = [mark for mark in marked if mark.start <= start and end <= mark.end]
        words = _safe(text[start:end])
        if not over:
            yield words
            continue
        title = escape("\n".join(f"{mark.kind}: {mark.told}" for mark in over), quote=True)
        kinds = {mark.kind for mark in over}
        color = _COLORS["place" if "place" in kinds else "date"]
        line = "box-shadow:inset 0 -2px rgb(13,110,253);" if len(kinds) == 2 else ""
        style = f"background:{color};color:inherit;{line}border-radius:3px"
        yield f'<mark class="marsad-{over[0].kind}" style="{style}" title="{title}">{words}</mark>'


def _safe(text: str) -> str:
    """Escaped, and what would reorder its neighbors or is invisible and rules the screen as a sign."""
    parts = []
    for char in escape(text, quote=True):
        code = ord(char)
        if code in _ORDERING:
            parts.append(f'<span style="opacity:.6" title="a sign of direction">⟨{_ORDERING[code]}⟩</span>')
        elif (code < 0x20 and char not in "\n\t") or 0x7F <= code < 0xA0:
            parts.append("\N{REPLACEMENT CHARACTER}" if code >= 0x7F else chr(0x2400 + code))
        else:
            parts.append(char)
    return "".join(parts)


def _place(row: Mapping[str, Any]) -> str:
    """The likeliest place and the others, in words."""
    where = ", ".join(str(row[name]) for name in ("feature", "admin2", "admin1", "country") if row.get(name))
    told = f"{row['name']} ({where})"
    if row.get("lat") is not None and row.get("lon") is not None:
        told += f" {row['lat']:.4f}, {row['lon']:.4f}"
    told += f", score {row['score']:.2f}" + (", ambiguous" if row.get("ambiguous") else "")
    others = [
        f"{one['name']} ({one['country'] or '?'}) {one['score']:.2f}" for one in (row["candidates"] or [])[1:]
    ]
    return told + (f"; or {', '.join(others)}" if others else "")


def _date(row: Mapping[str, Any]) -> str:
    """EDTF, days and doubts, in words."""
    told = str(row["edtf"])
    if row["date_from"] or row["date_to"]:
        told += f": {row['date_from'] or '..'} to {row['date_to'] or '..'}"
    if row.get("anchor_date"):
        told += f", counted from {row['anchor_date']}"
    for name in ("flags", "alternatives"):
        if row.get(name):
            told += f"; {name}: {', '.join(row[name])}"
    return told
