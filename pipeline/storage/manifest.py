"""What a version of the dataset says about itself: the commit record beside the tables."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from pipeline.errors import BooksError, DatasetError

MANIFEST: Final = "manifest.json"
SCHEMA_VERSION: Final = 3  # of the whole format: columns, files, manifest
TABLE_NAMES: Final = ("posts", "places", "dates", "rejected")
IDS: Final = "ids"  # which post is where, for the next run; no table
FOLDERS: Final = (*TABLE_NAMES, IDS)

Period = tuple[date | None, date | None]
"""Two days, both inclusive; None is open."""


class NewerError(DatasetError):
    """A newer program made this dataset."""


class Books(Struct, frozen=True, kw_only=True):
    """Where the rows of one file, or of one run, went."""

    read: int = 0
    written: int = 0
    duplicate: int = 0
    rejected: int = 0
    nonposts: int = 0  # rows that the exporter itself wrote: service lines, joins, notices
    forgotten: int = 0  # rows kept out because they, or who wrote them, were forgotten
    expired: int = 0  # posts kept out because they are older than the source keeps posts

    def check(self, name: str) -> None:
        """Raise `BooksError` that names `name` when a row was lost or counted twice.

        >>> Books(read=3, written=1, duplicate=1, rejected=1).check("june.json")
        """
        settled = self.written + self.duplicate + self.rejected + self.nonposts
        settled += self.forgotten + self.expired
        if self.read != settled:
            raise BooksError(
                f"{name}: {self.read} rows read, {settled} accounted for ({self.written} written, "
                f"{self.duplicate} duplicate, {self.rejected} rejected, {self.nonposts} non-posts, "
                f"{self.forgotten} forgotten, {self.expired} expired)"
            )

    def __add__(self, other: Books) -> Books:
        return Books(
            read=self.read + other.read,
            written=self.written + other.written,
            duplicate=self.duplicate + other.duplicate,
            rejected=self.rejected + other.rejected,
            nonposts=self.nonposts + other.nonposts,
            forgotten=self.forgotten + other.forgotten,
            expired=self.expired + other.expired,
        )


class FileBooks(Struct, frozen=True, kw_only=True):
    """What became of the posts and rejections that came from one export file in this run."""

    written: int = 0
    duplicate: int = 0
    rejected: int = 0


Wholeness = Literal["complete", "partial", "rejected"]
"""complete: read to its end; partial: bytes of it are lost or no reader took them; rejected: all of it."""


class Input(Struct, frozen=True, kw_only=True):
    """An export file that a source has taken in."""

    name: str  # as in Origin.file
    sha256: str
    size: int  # bytes
    reader: str
    books: Books
    state: Wholeness = "complete"


class FileState(Struct, frozen=True, kw_only=True):
    """One file of a version: a part of a table of one source, or the ids of such a part."""

    name: str  # without the folder: NAME-<run_id>-<part>.parquet
    rows: int
    size: int  # bytes
    sha256: str
    text: int = 0  # of posts: code points of their texts; 0 where they were not counted


class SourceState(Struct, frozen=True, kw_only=True):
    """What a version holds of one source, and what it was made from."""

    run_id: str
    inputs: tuple[Input, ...]  # sorted by name
    files: dict[str, tuple[FileState, ...]]  # by folder; posts, places, dates, ids: by segment
    posts: int
    places: int
    dates: int
    rejected: int
    published: datetime  # aware UTC, as the caller gave it
    code_version: str
    tables_digest: str
    gazetteer_digest: str
    zone: str | None = None  # IANA name
    settings: dict[str, Any] = field(default_factory=dict)  # what else decided the rows; JSON-ready
    missing: tuple[str, ...] = ()  # files that its sets of pages or parts are short of


class Manifest(Struct, frozen=True, kw_only=True):
    """The commit record of one version."""

    schema_version: int
    number: int
    created: datetime  # aware UTC, as the caller gave it
    code_version: str  # of the publish that made this version; each source has its own
    tables_digest: str
    gazetteer_digest: str
    sources: dict[str, SourceState]  # sorted by name


def encode_manifest(manifest: Manifest) -> bytes:
    """JSON for people and machines, the same bytes for the same manifest; an older one in its own shape."""
    told: Any = manifest
    if manifest.schema_version < _SEGMENTED:
        told = msgspec.to_builtins(manifest)
        for state in told["sources"].values():
            state["files"] = {table: files[0] for table, files in state["files"].items()}
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def decode_manifest(raw: bytes, path: Path) -> Manifest:
    """The manifest in `raw`; `DatasetError` names `path` where it is damaged or newer than this program."""
    try:
        found = msgspec.json.decode(raw, type=_Head).schema_version
        if found > SCHEMA_VERSION:
            raise NewerError(
                f"{path}: made by a newer marsad (schema version {found}, this program reads up to "
                f"{SCHEMA_VERSION}); install the newer one"
            )
        if found < _SEGMENTED:
            return msgspec.convert(_one_file_each(msgspec.json.decode(raw)), Manifest)
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError) as damage:
        raise DatasetError(f"{path}: damaged manifest: {damage}") from damage


class _Head(Struct):
    schema_version: int


_SEGMENTED: Final = 3  # before, a table of a source was one file


def _one_file_each(manifest: dict[str, Any]) -> dict[str, Any]:
    for state in manifest["sources"].values():
        state["files"] = {table: [file] for table, file in state["files"].items()}
    return manifest
