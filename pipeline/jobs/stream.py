"""JSON lines in, annotated JSON lines out, in the same order and as they come."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from pipeline.annotate import NOWHERE, Toolkit, annotate, as_json, text_post
from pipeline.errors import ExportError
from pipeline.records import Group, Post

BATCH_SIZE: Final = 500  # lines
LINE_LIMIT: Final = 8 << 20  # bytes


class _Line(Struct):
    text: str
    id: Any = None
    published_at: str | None = None
    zone: str = "UTC"


class _Named(Struct):
    id: Any = None


def annotate_lines(
    lines: Sequence[tuple[int, bytes]], toolkit: Toolkit, group: Group = NOWHERE
) -> list[dict[str, Any]]:
    """One answer for every numbered line, in order.

    A line that is no `{"id", "text", "published_at"?, "zone"?}` is answered with `error` and no mentions.
    """
    readings = [_post(line, number) for number, line in lines]
    posts = [reading for reading, _ in readings if isinstance(reading, Post)]
    annotated = iter(annotate(posts, toolkit, group))
    return [
        as_json(next(annotated), given) if isinstance(reading, Post) else _error(reading, given)
        for reading, given in readings
    ]


def serve_lines(
    source: int, write: Callable[[bytes], object], toolkit: Toolkit, group: Group = NOWHERE
) -> tuple[int, int]:
    """Answer the lines of file descriptor `source` until it ends; returns lines and errors among them.

    Lines are answered as soon as no more are waiting, so that whoever writes line by line is answered
    line by line, and whoever writes a file is answered in batches.
    """
    count = errors = 0
    for lines in _batches(source):
        answers = annotate_lines(lines, toolkit, group)
        count += len(lines)
        errors += sum("error" in answer for answer in answers)
        write(b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers))
    return count, errors


def _batches(source: int) -> Iterator[list[tuple[int, bytes]]]:
    """Lines without their ends, by number; blank ones are left out.  A batch ends where the input pauses."""
    rest = b""
    number = 0
    waiting: list[tuple[int, bytes]] = []
    while piece := os.read(source, 1 << 16):
        *lines, rest = (rest + piece).split(b"\n") if b"\n" in piece else (rest + piece,)
        waiting += [(at, line) for at, line in enumerate(lines, number + 1) if line.strip()]
        number += len(lines)
        if len(rest) > LINE_LIMIT:
            raise ExportError(f"line {number + 1} of the input has more than {LINE_LIMIT:,} bytes; cut it")
        if waiting and (len(waiting) >= BATCH_SIZE or not select.select([source], [], [], 0)[0]):
            yield waiting
            waiting = []
    if rest.strip():
        waiting.append((number + 1, rest))
    if waiting:
        yield waiting


def _post(line: bytes, number: int) -> tuple[Post | str, Any]:
    """The post of a line, or what is wrong with the line; and the id that was given."""
    try:
        fields = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError) as refused:
        return f"line {number}: {refused}", _id(line)
    try:
        at = None if fields.published_at is None else datetime.fromisoformat(fields.published_at)
        return text_post(number, fields.text, at, fields.zone), fields.id
    except (ZoneInfoNotFoundError, OSError):
        return (
            f"line {number}: {fields.zone!r} is not a time zone; IANA names such as Asia/Damascus",
            fields.id,
        )
    except (ValueError, OverflowError):
        wrong = fields.published_at if fields.published_at is not None else fields.zone
        return (
            f"line {number}: {wrong!r} is not a time; ISO 8601 such as 2014-03-05T18:30:00+02:00",
            fields.id,
        )


def _id(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _error(message: str, given: Any) -> dict[str, Any]:
    return {
        "id": given,
        "text_normalized": "",
        "language": "und",
        "language_confidence": 0.0,
        "places": [],
        "dates": [],
        "fault": None,
        "error": message,
    }
