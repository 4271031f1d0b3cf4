"""JSON lines: one object a line, by a mapping with dotted paths or by the usual names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.errors import ExportError
from pipeline.readers.encodings import utf16_order
from pipeline.readers.fields import Posts, check_columns, usual_names
from pipeline.readers.files import peek
from pipeline.readers.interface import Export, Head, Item, Reader, Reading, origin, refuse
from pipeline.readers.json_repair import repair
from pipeline.readers.lines import raw_lines
from pipeline.records import Reason

NAME = "jsonl"


def score(head: Head) -> float:
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
        return 0.0
    read_well = [each for each in objects if isinstance(each, dict)]
    if 2 * len(read_well) < len(objects):
        return 0.0
    fit = sum(
        isinstance(_usual(each, "text"), str) and _usual(each, "posted_at") is not None for each in read_well
    )
    return round(0.3 + 0.5 * fit / len(read_well), 3)


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every line as a post; what is not mapped is kept in `extra`."""
    if reading.columns:
        check_columns(export, reading.columns)
    start = peek(export.path, export.name).start
    unit = 2 if utf16_order(start) else 1
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        raise ExportError(
            f"{export.name}: one JSON array, not one object a line; convert it: jq -c '.[]' {export.name}"
        )
    posts = Posts(export, reading, NAME, READER.platform, times=lambda: _times(export, reading))
    decode = msgspec.json.Decoder().decode
    begun: int | None = None  # where a line over the limit began
    for line in raw_lines(export.path):
        if line.cut:
            begun = line.start if begun is None else begun
            continue
        begin = line.start if begun is None else begun
        content = line.content.rstrip(b"\r\n")
        if begun is None and not content.strip(b" \t"):
            continue
        end = line.end - unit * (len(line.content) - len(content))
        at = origin(export, NAME, f"bytes {begin}-{end}")
        if begun is not None:
            begun = None
            yield refuse(reading.source, at, Reason.TOO_LARGE, "a line over 16 MB; split it", content)
            continue
        notes: list[str] = []
        try:
            record = decode(content.removeprefix(b"\xef\xbb\xbf"))
        except RecursionError:
            yield refuse(reading.source, at, Reason.TOO_DEEP, "nested too deep; flatten the object", content)
            continue
        except (msgspec.DecodeError, UnicodeDecodeError):
            text, notes = repair(content)
            try:
                record = decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                ended = line.content[-1:] in {b"\n", b"\r"}
                reason = Reason.BAD_JSON if ended else Reason.TRUNCATED
                detail = f"no JSON, also after repair: {error}; correct the line or export it again"
                yield refuse(reading.source, at, reason, detail, content)
                continue
        if not isinstance(record, dict):
            detail = f"the line holds {type(record).__name__} {record!r:.60}, not an object"
            yield refuse(reading.source, at, Reason.NOT_AN_OBJECT, detail, content)
            continue
        values, used = _values(record, reading.columns)
        extra = {name: value for name, value in record.items() if name not in used}
        if notes:
            extra["repaired"] = notes
        yield posts.post(values, extra, at, content)
    if begun is not None:
        at = origin(export, NAME, f"bytes {begun}-{line.end}")
        yield refuse(reading.source, at, Reason.TOO_LARGE, "a line over 16 MB; split it", line.content)


def _values(record: dict[str, Any], columns: dict[str, str]) -> tuple[dict[str, Any], set[str]]:
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
    for field, names in usual_names().items():
        for name in names:
            value = record.get(name)
            if value is None or (value == "" and field != "text"):
                continue
            if isinstance(value, (dict, list)) and field != "author_name":
                continue
            values[field] = value
            used.add(name)
            break
    return values, used


def _usual(record: dict[str, Any], field: str) -> object:
    return _usual_values(record)[0].get(field)


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


def _times(export: Export, reading: Reading) -> Iterator[object]:
    for line in raw_lines(export.path):
        try:
            record = msgspec.json.decode(line.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(record, dict):
            values = _values(record, reading.columns)[0]
            yield values.get("posted_at") or values.get("posted_date")


READER = Reader(
    name=NAME,
    platform="other",
    about="JSON lines, one object a line, by usual names or a mapping with dotted paths",
    keeps="mapped fields as fields of the post, all others in extra",
    loses="what an object of the author holds besides id and name",
    score=score,
    read=read,
)
