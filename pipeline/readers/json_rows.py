"""Records of a JSON file as rows: one object a line, or the objects in a list of one document."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from pipeline.errors import ExportError
from pipeline.readers.encodings import utf16_order
from pipeline.readers.files import peek
from pipeline.readers.interface import Export, Reading, origin, refuse
from pipeline.readers.json_records import ScannedRecords
from pipeline.readers.json_values import RowError, decode_record
from pipeline.readers.lines import raw_lines
from pipeline.records import Origin, Reason, Rejection

_LISTS = re.compile(r'"([^"\\]{1,60})"\s*:\s*\[\s*(?=\{)')


class JsonRow(NamedTuple):
    at: Origin
    raw: bytes
    record: dict[str, Any]
    notes: list[str]  # repairs


def utf8_start(start: bytes) -> bytes:
    """The beginning of a file as UTF-8 without a mark, whatever it was."""
    if order := utf16_order(start):
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    return start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\0")


def first_objects(start: bytes, most: int = 20) -> tuple[bool, list[dict[str, Any]], str]:
    """Whether a file is one object a line, its first objects, and the name of the list that holds them.

    "" is a list that is the whole file.  Of several lists in a document the longest of the first ones.

    >>> first_objects(b'{"posts": [{"id": 1}, {"id": 2}]}')
    (False, [{'id': 1}, {'id': 2}], 'posts')
    >>> first_objects(b'{"id": 1}\\n{"id": 2}\\n')
    (True, [{'id': 1}, {'id': 2}], '')
    """
    text = utf8_start(start).decode("utf-8", "replace")
    if text[:1] == "[":
        return False, _objects(text, 1, most), ""
    if text[:1] != "{":
        return False, [], ""
    lines = [line for line in text.splitlines() if line.strip()]
    whole = [
        _one(line) for line in (lines[:-1] if len(lines) > 1 and len(start) >= 1 << 16 else lines)[:most]
    ]
    by_line = [each for each in whole if each is not None]
    lists = [(match[1], _objects(text, match.end(), most)) for match in list(_LISTS.finditer(text))[:40]]
    name, listed = max(lists, key=lambda each: len(each[1]), default=("", []))
    if 2 * len(by_line) > len(whole) and (len(by_line) > 1 or not isinstance(by_line[0].get(name), list)):
        return True, by_line, ""
    return False, listed, name


def _one(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _objects(text: str, place: int, most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    decoder = json.JSONDecoder(strict=False)
    while len(found) < most and (gap := re.compile(r"[\s,]*(?=\{)").match(text, place)):
        try:
            value, place = decoder.raw_decode(text, gap.end())
        except (ValueError, RecursionError):
            break
        found.append(value)
    return found


def json_rows(
    export: Export,
    reading: Reading,
    name: str,
    lists: Collection[str] | None,
    record_start: re.Pattern[bytes] | None = None,
) -> Iterator[JsonRow | Rejection]:
    """Every record; what is none as a rejection.  `name` is the reader's.

    `lists` names the lists of a document ("" for one that is the whole file), None means one object a line.
    `record_start` tells how a record begins, where a broken one shall cost only itself.
    Raises `ExportError` where a document has none of the lists.
    """
    if lists is None:
        return _by_line(export, reading, name)
    return _by_list(export, reading, name, lists, record_start)


def _by_line(export: Export, reading: Reading, name: str) -> Iterator[JsonRow | Rejection]:
    unit = 2 if utf16_order(peek(export).start) else 1
    too_large = f"a line over {export.limits.record_bytes:,} bytes; split it, or raise limits: record_bytes"
    begun: int | None = None  # where a line over the limit began
    for line in raw_lines(export):
        if line.cut:
            begun = line.start if begun is None else begun
            continue
        begin = line.start if begun is None else begun
        content = line.content.rstrip(b"\r\n")
        if begun is None and not content.strip(b" \t"):
            continue
        end = line.end - unit * (len(line.content) - len(content))
        at = origin(export, name, f"bytes {begin}-{end}")
        if begun is not None:
            begun = None
            yield refuse(reading.source, at, Reason.TOO_LARGE, too_large, content)
            continue
        try:
            record, notes = decode_record(content.removeprefix(b"\xef\xbb\xbf"), export.limits)
        except RowError as refused:
            cut = refused.reason == Reason.BAD_JSON and line.content[-1:] not in {b"\n", b"\r"}
            reason = Reason.TRUNCATED if cut else refused.reason
            yield refuse(reading.source, at, reason, refused.detail, content)
            continue
        if not isinstance(record, dict):
            detail = f"the line holds {type(record).__name__} {record!r:.60}, not an object"
            yield refuse(reading.source, at, Reason.NOT_AN_OBJECT, detail, content)
            continue
        yield JsonRow(at, content, record, notes)
    if begun is not None:
        at = origin(export, name, f"bytes {begun}-{line.end}")
        yield refuse(reading.source, at, Reason.TOO_LARGE, too_large, line.content)


def _by_list(
    export: Export,
    reading: Reading,
    name: str,
    lists: Collection[str],
    record_start: re.Pattern[bytes] | None,
) -> Iterator[JsonRow | Rejection]:
    order = utf16_order(peek(export).start)
    records = ScannedRecords(export, lists=lists, record_start=record_start, recoded=order)
    counted = "" if order is None else " as UTF-8"
    opened, resumed, nul = False, 0, False
    for piece in records:
        raw, end = piece.raw, piece.end
        if piece.what == "open":
            opened = True
            continue
        if piece.what == "stray" and not raw.strip(b"\0, \r\n\t"):
            nul = True
            continue
        inner = None
        if piece.what in {"record", "tail"}:
            try:
                record, notes = decode_record(raw, export.limits)
                if not isinstance(record, dict):
                    raise RowError(Reason.NOT_AN_OBJECT, f"{record!r:.60} is no object; look at it")
            except RowError as refused:
                reason, detail = refused.reason, refused.detail
                if piece.what == "tail":
                    reason = Reason.TRUNCATED
                    detail = f"the file ends at byte {piece.end} inside its list; export it again"
                inner = record_start.search(raw, 1) if record_start is not None and resumed < 1_000 else None
            else:
                at = origin(export, name, f"bytes {piece.start}-{end}{counted}")
                yield JsonRow(at, raw, record, [*notes, "nul"] if nul else notes)
                nul = False
                continue
        elif piece.what == "large":
            limit = export.limits.record_bytes
            reason, detail = Reason.TOO_LARGE, f"a record over {limit:,} bytes; raise limits: record_bytes"
        else:
            reason, detail = Reason.STRAY_TEXT, "what stands between two records is no object; look at it"
        if inner is not None:
            resumed += 1
            raw, end = raw[: inner.start()], piece.start + inner.start()
            reason, detail = Reason.BAD_JSON, "a record without its end; the next one begins inside it"
            records.resume_at(end)
        if raw.strip(b"\0, \r\n\t"):
            at = origin(export, name, f"bytes {piece.start}-{end}{counted}")
            yield refuse(reading.source, at, reason, detail, raw)
    if not opened:
        named = ", ".join(repr(each) for each in lists if each) or "that is the whole file"
        raise ExportError(f"{export.name}: no list {named} in it; look whether it is this format")
