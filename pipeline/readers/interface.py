"""What every reader is told, and what it gives: one export in; posts, non-posts and rejections out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from pipeline.records import RAW_LIMIT, NonPost, Origin, Post, Reason, Rejection

DayOrder = Literal["auto", "dmy", "mdy"]
Item = Post | NonPost | Rejection


class Export(Struct, frozen=True):
    """One file of a source."""

    path: Path
    name: str  # as the source's pattern found it: this is what origins show
    sha256: str


class Reading(Struct, frozen=True, kw_only=True):
    """What the configuration of a source says about reading its exports."""

    source: str
    zone: str | None = None  # IANA name, for times without an offset
    columns: dict[str, str] = field(default_factory=dict)  # our field -> their column, see COLUMNS
    time_format: str | None = None  # a strptime pattern, or epoch, epoch_ms, epoch_us
    day_order: DayOrder = "auto"  # for 3/4/2025 where the file itself does not decide
    delimiter: str | None = None
    encoding: str | None = None
    platform: str | None = None
    group: str | None = None


class Head(Struct, frozen=True):
    """What a reader may look at to recognize its format."""

    name: str
    start: bytes  # the first 64 kB
    end: bytes  # the last 4 kB


class Reader(Struct, frozen=True):
    """One kind of export."""

    name: str
    platform: str  # default for Post.platform
    about: str  # one line
    keeps: str
    loses: str
    score: Callable[[Head], float]  # 0..1: how sure it is that this is its format
    read: Callable[[Export, Reading], Iterator[Item]]
    needs_columns: bool = False  # text and time must be named in the configuration


COLUMNS = (
    "text",
    "posted_at",
    "posted_date",
    "posted_time",
    "id",
    "author_id",
    "author_name",
    "group_id",
    "group_name",
    "kind",
    "reply_to",
    "forwarded_from",
    "edited_at",
    "media",
    "views",
    "url",
)
"""Our names that a `columns` mapping may use; `url` serves as id where no `id` is mapped."""


def origin(export: Export, reader: str, locator: str) -> Origin:
    return Origin(export.name, export.sha256, locator, reader)


def refuse(source: str, at: Origin, reason: Reason, detail: str, raw: str | bytes) -> Rejection:
    """A rejection whose raw text is cut to what the quarantine keeps."""
    if isinstance(raw, bytes):
        raw = raw[: 4 * RAW_LIMIT].decode("utf-8", "replace")
    return Rejection(source=source, origin=at, reason=reason, detail=detail, raw=storable(raw[:RAW_LIMIT]))


def storable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 file can hold.

    >>> storable("a\\ud83db")
    'a\\ufffdb'
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
