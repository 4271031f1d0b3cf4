"""JSON lines: one object a line, by a mapping with dotted paths or by the usual names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pipeline.errors import ExportError
from pipeline.readers.encodings import utf16_order
from pipeline.readers.fields import Posts, check_columns, plain_name, usual_names
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score
from pipeline.readers.json_rows import json_rows, utf8_start
from pipeline.records import Rejection

NAME = "jsonl"


def score(head: Head) -> Score:
    """By the first lines: objects that have a text and a time under usual names."""
    start, order = head.start, utf16_order(head.start)
    if order:
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    lines = start.removeprefix(b"\xef\xbb\xbf").splitlines()
    if len(lines) > 1 and len(head.start) == 1 << 16:
        lines = lines[:-1]
    objects = []
    for line in [line for line in lines if line.strip()][:20]:
        try:
            objects.append(msgspec.json.decode(line))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            objects.append(None)
    if not objects:
        return NOT_MINE
    read_well = [each for each in objects if isinstance(each, dict)]
    if 2 * len(read_well) < len(objects):
        return NOT_MINE
    if has_columns(read_well, head.columns):
        return Score(84, "objects with all the fields that are configured")
    share = share_of_posts(read_well)
    return Score(30 + round(50 * share), f"{share:.0%} of {len(read_well)} objects have a text and a time")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every line as a post; what is not mapped is kept in `extra`."""
    if reading.columns:
        check_columns(export, reading.columns)
    if utf8_start(peek(export).start).startswith(b"["):
        raise ExportError(f"{export.name}: one JSON array, not one object a line; set reader to json")
    yield from posts_of(export, reading, NAME, None)


def posts_of(export: Export, reading: Reading, name: str, lists: tuple[str, ...] | None) -> Iterator[Item]:
    """A post of every record, by `reading.columns` or the usual names; see `json_rows` for `lists`."""
    posts = Posts(export, reading, name, "other", times=lambda: _times(export, reading, name, lists))
    for row in json_rows(export, reading, name, lists):
        if isinstance(row, Rejection):
            yield row
            continue
        values, used = values_of(row.record, reading.columns)
        extra = {key: value for key, value in row.record.items() if key not in used}
        if row.notes:
            extra["repaired"] = row.notes
        yield posts.post(values, extra, row.at, row.raw)


def values_of(record: dict[str, Any], columns: dict[str, str]) -> tuple[dict[str, Any], set[str]]:
    """Our field -> value, and the names of the record that are used up by that."""
    if not columns:
        return _usual_values(record)
    values: dict[str, Any] = {}
    used = set()
    for field, path in columns.items():
        if path in record:
            values[field] = record[path]
            used.add(path)
        else:
            values[field] = _at(record, path)
            if field in {"author_id", "author_name"}:  # who wrote it stands in those fields only
                used.add(path.partition(".")[0])
    return values, used


def _usual_values(record: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    values: dict[str, Any] = {}
    used = set()
    theirs = {plain_name(name): name for name in reversed(record)}
    for field, names in usual_names().items():
        for usual in names:
            name = theirs.get(usual, "")
            value = record.get(name)
            if value is None or (value == "" and field != "text"):
                continue
            if isinstance(value, (dict, list)) and field != "author_name":
                continue
            values[field] = value
            used.add(name)
            break
    return values, used


def share_of_posts(objects: list[dict[str, Any]]) -> float:
    """How many of the objects have a text and a time under usual names, 0..1."""
    found = [_usual_values(each)[0] for each in objects]
    fit = sum(isinstance(each.get("text"), str) and each.get("posted_at") is not None for each in found)
    return fit / len(objects) if objects else 0.0


def has_columns(objects: list[dict[str, Any]], columns: Sequence[str]) -> bool:
    """Whether all of the objects have every name that the operator's `columns` names."""
    return bool(objects and columns) and all(
        any(name in each or name.partition(".")[0] in each for each in objects) for name in columns
    )


def _at(record: object, path: str) -> object:
    """What stands at a dotted path; None where it leads nowhere.

    >>> _at({"caption": {"text": "a"}, "tags": ["b"]}, "tags.0")
    'b'
    """
    for step in path.split("."):
        if isinstance(record, dict):
            record = record.get(step)
        elif isinstance(record, list) and step.isdecimal() and int(step) < len(record):
            record = record[int(step)]
        else:
            return None
    return record


def _times(export: Export, reading: Reading, name: str, lists: tuple[str, ...] | None) -> Iterator[object]:
    for row in json_rows(export, reading, name, lists):
        if not isinstance(row, Rejection):
            values = values_of(row.record, reading.columns)[0]
            yield values.get("posted_at") or values.get("posted_date")


READER = Reader(
    name=NAME,
    platform="other",
    about="JSON lines, one object a line, by usual names or a mapping with dotted paths",
    keeps="mapped fields as fields of the post, all others in extra",
    loses="what an object of the author holds besides id and name",
    score=score,
    read=read,
    takes_columns=True,
    files="*.jsonl, *.ndjson",
)
