"""A list of objects in a JSON document, by a mapping with dotted paths or by the usual names."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import ExportError
from pipeline.readers.fields import check_columns
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score
from pipeline.readers.json_rows import first_objects, utf8_start
from pipeline.readers.jsonl import has_columns, posts_of, share_of_posts

NAME = "json"


def score(head: Head) -> Score:
    """By the first objects of the longest list at the beginning: a text and a time under usual names."""
    by_line, objects, name = first_objects(head.start)
    if by_line or not objects:
        return NOT_MINE
    what = f"the list {name!r}" if name else "an array"
    if has_columns(objects, head.columns):
        return Score(84, f"{what} of objects with all the fields that are configured")
    share = share_of_posts(objects)
    return Score(20 + round(40 * share), f"{what}, {share:.0%} of its first objects have a text and a time")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every object of the list as a post; what is not mapped is kept in `extra`.

    Raises `ExportError` where the file is no JSON document with a list of objects.
    """
    if reading.columns:
        check_columns(export, reading.columns)
    start = peek(export).start
    by_line, _, name = first_objects(start)
    if by_line or (not name and utf8_start(start)[:1] != b"["):
        raise ExportError(
            f"{export.name}: no JSON document with a list of objects; one object a line is reader: jsonl"
        )
    yield from posts_of(export, reading, NAME, (name,))


READER = Reader(
    name=NAME,
    platform="other",
    about="A JSON document with a list of objects, by usual names or a mapping with dotted paths",
    keeps="mapped fields as fields of the post, all others of an object in extra",
    loses="what stands around the list, and what an object of the author holds besides id and name",
    score=score,
    read=read,
    takes_columns=True,
    files="*.json",
)
