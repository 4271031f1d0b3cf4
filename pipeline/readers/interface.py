"""What every reader is told, and what it gives: one export in; posts, non-posts and rejections out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from pipeline.records import RAW_LIMIT, NonPost, Origin, Post, Reason, Rejection

DayOrder = Literal["auto", "dmy", "mdy"]
Item = Post | NonPost | Rejection


class Limits(Struct, frozen=True, kw_only=True):
    """What is taken from a file at most: a hostile or broken one is refused before the memory ends."""

    archive_ratio: int = 200  # unpacked bytes for one packed byte; looked at from 64 MB unpacked on
    archive_members: int = 100_000
    archive_bytes: int = 1 << 40  # unpacked, of one file
    nesting: int = 2  # packings around one another: zip around gz is two; a zip in a zip is always refused
    record_bytes: int = 1 << 24  # of one row, message or line
    json_depth: int = 64


class Export(Struct, frozen=True):
    """One file of a source, or one member of an archive among its files.

    Readers never open `path`: `opening.open_bytes(export)`, `files.peek`, `lines.raw_lines` and
    `encodings.detect` take the export and look through archives and packings.
    """

    path: Path
    name: str  # as the source's pattern found it: this is what origins show
    sha256: str  # of the file on disk
    member: str | None = None  # in the archive: its label, see `archives.members`
    packing: tuple[str, ...] = ()  # from the outside in: gz, bz2, xz, zst; zip where it is a member
    limits: Limits = Limits()
    siblings: tuple[str, ...] = ()  # base names of what stands in the same folder and belongs to the source

    @property
    def inner_name(self) -> str:
        """The name of the file that is read, without the folder and the ending of its packing.

        >>> Export(Path("x"), "dumps/RC_2016-01.zst", "", packing=("zst",)).inner_name
        'RC_2016-01'
        """
        base = (self.member or self.name).replace("\\", "/").rpartition("/")[2]
        for kind in reversed(self.packing):
            if kind != "zip":
                base = base.removesuffix(f".{kind}")
        return base


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

    name: str  # base name, without the ending of a packing
    start: bytes  # the first 64 kB, unpacked
    end: bytes  # the last 4 kB, unpacked; empty where that would need a long unpacking
    siblings: tuple[str, ...] = ()  # base names of what stands beside it
    columns: tuple[str, ...] = ()  # names that the operator's `columns` says are in it


class Score(Struct, frozen=True):
    """How sure a reader is that a file is of its format."""

    points: int  # 0..100; under 40 it is not taken
    why: str = ""  # what was seen, in a few words: "chat type and from_id of Telegram Desktop"


NOT_MINE = Score(0)


class Reader(Struct, frozen=True):
    """One kind of export."""

    name: str
    platform: str  # default for Post.platform
    about: str  # one line
    keeps: str
    loses: str
    score: Callable[[Head], Score]
    read: Callable[[Export, Reading], Iterator[Item]]
    needs_columns: bool = False  # text and time must be named in the configuration
    takes_columns: bool = False  # reads by `columns:`; a source that has them means one of these readers
    files: str = ""  # how its files are called: "result.json", "messages.html, messages2.html, ..."
    missing: Callable[[Sequence[str], Sequence[str]], list[str]] | None = None
    """Base names of the source's files of this kind in one folder, and names that some of them say are there
    too (others' names may be among these) -> names that must be there and are not."""
    links: Callable[[Head], list[str]] | None = None
    """Base names of the other files of the set, as far as the two ends of a file name them."""


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
    """Where a row was read; `locator` counts within the member, and is told with its name."""
    if export.member is not None:
        locator = f"member {export.member}, {locator}"
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
