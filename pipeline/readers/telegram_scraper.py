"""Tables of Telegram messages by unnohwn/telegram-scraper and its kin: CSV, or JSON with the same names.

The times are UTC, without a mark that says so; `id` is a row of the scraper's database and `message_id` the
number of the message; the chat is told by the name of the file only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.readers.csv_rows import Rows
from pipeline.readers.fields import Posts, plain_name, whole_number
from pipeline.readers.files import peek
from pipeline.readers.interface import (
    NOT_MINE,
    Export,
    Head,
    Item,
    Reader,
    Reading,
    Score,
    origin,
    refuse,
    storable,
)
from pipeline.readers.json_rows import first_objects, json_rows, utf8_start
from pipeline.readers.table import head_names
from pipeline.readers.telethon import bare_id, peer_name
from pipeline.records import Origin, Reason, Rejection

NAME = "telegram_scraper"

_NEEDED = {"message_id", "date", "sender_id", "message"}
_OWN = {"media_type", "media_path", "reply_to", "first_name"}
_MARKED = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$|^\d+(?:\.\d+)?$")


def score(head: Head) -> Score:
    """By the names of its columns."""
    _, objects, _ = first_objects(head.start)
    names = {plain_name(name) for name in (objects[0] if objects else head_names(head))}
    if names >= _NEEDED and len(names & _OWN) >= 2:
        return Score(93, "message_id, sender_id and media_type of telegram-scraper")
    return NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post."""
    start = peek(export).start
    rows = _Rows(export, reading)
    if utf8_start(start)[:1] in {b"[", b"{"}:
        by_line, _, name = first_objects(start)
        for row in json_rows(export, reading, NAME, None if by_line else (name,)):
            if isinstance(row, Rejection):
                yield row
            else:
                yield rows.item(row.record, row.notes, row.at, row.raw)
        return
    table = Rows(export, reading)
    for line in table:
        at = origin(export, NAME, line.locator)
        if line.problem is not None or len(line.cells) != len(table.head):
            detail = line.problem or f"{len(line.cells)} cells where the head has {len(table.head)}"
            yield refuse(reading.source, at, Reason.BAD_ROW, f"{detail}; correct the row", line.raw)
            continue
        record = dict(zip(table.head, line.cells, strict=True))
        yield rows.item(record, list(line.notes), at, line.raw)


class _Rows:
    def __init__(self, export: Export, reading: Reading) -> None:
        self._posts = Posts(export, reading, NAME, READER.platform, times=tuple)
        self._group = reading.group or bare_id(export.inner_name.rpartition(".")[0])

    def item(self, record: dict[str, Any], notes: list[str], at: Origin, raw: str | bytes) -> Item:
        """A post of named values."""
        named = {plain_name(name): value for name, value in record.items()}
        used = {"id", "message_id", "date", "sender_id", "message", "reply_to", "views"}
        extra = {name: value for name, value in named.items() if name not in used and value not in (None, "")}
        if notes:
            extra["repaired"] = notes
        names = [str(named[name]) for name in ("first_name", "last_name") if named.get(name)]
        date = named.get("date")
        if isinstance(date, str) and date.strip() and not _MARKED.search(date.strip()):
            date = f"{date.strip()}Z"
        media = named.get("media_path") or named.get("media_type")
        author = _whole(named.get("sender_id"))
        values = {
            "text": named.get("message") or "",
            "posted_at": date,
            "id": _whole(named.get("message_id")),
            "author_id": peer_name(author),
            "author_name": " ".join(names) or named.get("username") or None,
            "group_id": self._group,
            "reply_to": _whole(named.get("reply_to")),
            "media": media.replace("\\", "/").rpartition("/")[2] if isinstance(media, str) else None,
            "views": _whole(named.get("views")),
        }
        return self._posts.post(values, extra, at, raw, _reactions(extra))


def _whole(value: object) -> object:
    """A number without the `.0` that pandas gives to a column with gaps."""
    if isinstance(value, float) and value == value // 1:
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d+\.0", value):
        return value[:-2]
    return value if value != "" else None


def _reactions(extra: dict[str, Any]) -> dict[str, int]:
    """How often each reaction was given, where the scraper wrote that as JSON."""
    value = extra.get("reactions")
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, dict) or not value:
        return {}
    counts = {storable(str(name)): whole_number(count) for name, count in value.items()}
    found = {name: count for name, count in counts.items() if count is not None}
    if len(found) == len(counts):
        del extra["reactions"]
        return found
    return {}


READER = Reader(
    name=NAME,
    platform="telegram",
    about="CSV and JSON of unnohwn/telegram-scraper",
    keeps="texts, ids, senders, replies, names of media, views; its times are read as UTC",
    loses="edits and forwards; the chat is told by the name of the file only: set group where it was renamed",
    score=score,
    read=read,
    files="CHAT.csv, CHAT.json",
)
