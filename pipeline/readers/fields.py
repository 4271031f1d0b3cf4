"""Named fields of a row to a post: what tables, JSON lines and CrowdTangle have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from pipeline.data import rows
from pipeline.errors import ExportError
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import COLUMNS, Export, Item, Reading, refuse, storable
from pipeline.readers.printed_times import Order, decide_order, numbers_of, plain, read_time
from pipeline.readers.times import Clock, zone_named
from pipeline.records import Origin, Post, Reason

_LOST_DIGITS = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_GROUPED = re.compile(r"-?\d{1,3}(?:[.,'\N{ARABIC THOUSANDS SEPARATOR} ]\d{3})+")


@cache
def usual_names() -> dict[str, tuple[str, ...]]:
    """Our field -> what others call it, in the order in which they are tried."""
    names: dict[str, list[str]] = {}
    for row in rows("field_names"):
        names.setdefault(row["field"], []).append(plain_name(row["name"]))
    return {field: tuple(others) for field, others in names.items()}


@lru_cache(4096)
def plain_name(name: str) -> str:
    """A name as it is compared: small letters, blanks and marks between words as `_`.

    >>> plain_name(" Created At"), plain_name("created-at")
    ('created_at', 'created_at')
    """
    return re.sub(r"[\s_\-]+", "_", name.strip().casefold())


def usual_columns(head: Iterable[str]) -> dict[str, str]:
    """The columns of a head that have a usual name: our field -> their column.

    >>> usual_columns(["ID", "Created At", "Text", "Text colour"])
    {'text': 'Text', 'posted_at': 'Created At', 'id': 'ID'}
    """
    columns = {plain_name(name): name for name in reversed(list(head))}
    found = {}
    for field, names in usual_names().items():
        for name in names:
            if name in columns:
                found[field] = columns[name]
                break
    return found


def whole_number(value: object) -> int | None:
    """A count, also where its thousands are set apart in the manner of some country; None for anything else.

    >>> whole_number("407.137"), whole_number("1,234"), whole_number("1,4"), whole_number("٣")
    (407137, 1234, None, 3)
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    text = plain(str(value))
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[^\d-]", "", text)
    try:
        return int(text) if len(text) < 19 else None
    except ValueError:
        return None


def check_columns(export: Export, columns: Mapping[str, str]) -> None:
    """Raises `ExportError` for a name that is none of ours, and where text or time is not named."""
    for field in columns:
        if field not in COLUMNS:
            raise ExportError(f"{export.name}: columns: {field!r} is unknown; known are {', '.join(COLUMNS)}")
    if "text" not in columns or not {"posted_at", "posted_date"} & columns.keys():
        raise ExportError(f"{export.name}: columns must name text and posted_at (or posted_date)")


class Posts:
    """Makes posts of named values for one export.

    `times` gives all printed times of the file: asked once, where day and month could change places.
    """

    def __init__(
        self,
        export: Export,
        reading: Reading,
        reader: str,
        platform: str,
        times: Callable[[], Iterable[object]],
    ) -> None:
        self._export = export
        self._reading = reading
        self._reader = reader
        self._platform = reading.platform or platform
        self._zone = zone_named(reading.zone)
        self._times = times
        self._order: Order | None = None
        self._ids = Occurrences()

    def post(
        self,
        values: Mapping[str, Any],
        extra: dict[str, Any],
        at: Origin,
        raw: str | bytes,
        reactions: dict[str, int] | None = None,
    ) -> Item:
        """A post, or the rejection that says which value kept it from being one.

        `values`: our field -> what the row holds; `extra`: what else it holds, JSON-ready.
        """
        source = self._reading.source
        text = values.get("text")
        if isinstance(text, (int, float)) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str):
            detail = f"text is {_short(text)}; name the field that holds it under columns: text"
            return refuse(source, at, Reason.NO_TEXT, detail, raw)
        try:
            clock = self._clock(values)
        except ValueError as error:
            return refuse(source, at, Reason.BAD_TIME, str(error), raw)
        if clock is None:
            detail = "the time is empty; no time is made up: correct the row or leave it out"
            return refuse(source, at, Reason.NO_TIME, detail, raw)
        native = _identifier(values.get("id"))
        if native is not None and _LOST_DIGITS.fullmatch(native):
            extra["id_precision_lost"] = native
            native = None
        elif native is None and "id" in values and values.get("url") in (None, ""):
            detail = (
                "id is empty; correct the row, or take id out of columns to have ids made from the content"
            )
            return refuse(source, at, Reason.NO_ID, detail, raw)
        native = native or _identifier(values.get("url"))
        extra |= clock.extra
        if values.get("url") not in (None, ""):
            extra["url"] = values["url"]
        edited = values.get("edited_at")
        edited_at = None
        if edited not in (None, "", False):
            try:
                edited_at = read_time(edited, self._zone, None, self._order).posted_at
            except (ValueError, TypeError, AttributeError):
                extra["edited_printed"] = edited
        author_id, author_name = _author(values.get("author_id"), values.get("author_name"))
        group_id = _identifier(values.get("group_id")) or self._reading.group or source
        views = whole_number(values.get("views"))
        if views is None and values.get("views") not in (None, ""):
            extra["views_printed"] = values["views"]
        text = storable(text)
        identity = native or self._ids.next(author_id or author_name, clock.posted_local, text)
        reply = _identifier(values.get("reply_to"))
        prefix = f"{self._platform}:{group_id}:"
        return Post(
            post_id=prefix + identity,
            source=source,
            platform=self._platform,
            group_id=group_id,
            group_name=_identifier(values.get("group_name")),
            native_id=native,
            kind=_identifier(values.get("kind")) or "post",
            author_id=author_id,
            author_name=author_name,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            edited_at=edited_at,
            text=text,
            reply_to=None if reply is None else f"{prefix}{reply}" if native is not None else reply,
            forwarded_from=_identifier(values.get("forwarded_from")),
            media=_media(values.get("media")),
            views=views,
            reactions=reactions or {},
            extra=extra,
            origin=at,
        )

    def _clock(self, values: Mapping[str, Any]) -> Clock | None:
        """The time of a row; None where it is empty.  Raises `ValueError` where it is no time."""
        value = values.get("posted_at")
        if value is None or value == "":
            day, hour = values.get("posted_date"), values.get("posted_time")
            value = f"{day or ''} {hour or ''}".strip() if day else None
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(
                f"the time is {_short(value)}; name the field that holds it under columns: posted_at"
            )
        if self._order is None and isinstance(value, str) and self._reading.time_format is None:
            numbers = numbers_of(value)
            if numbers is not None:
                self._order = self._file_order(value)
        return read_time(value, self._zone, self._reading.time_format, self._order)

    def _file_order(self, example: str) -> Order:
        dates: list[tuple[int, int, int]] = []
        for value in self._times():
            numbers = numbers_of(value) if isinstance(value, str) else None
            if numbers is not None and (not dates or dates[-1] != numbers):
                dates.append(numbers)
        order = decide_order(dates, self._reading.day_order)
        if order is None:
            raise ExportError(
                f"{self._export.name}: {example!r} may be day/month or month/day, and no date of the file "
                f"decides; set day_order to dmy or mdy for source {self._reading.source}"
            )
        return order


def _identifier(value: object) -> str | None:
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    return storable(str(value)).strip() or None


def _author(author_id: object, author: object) -> tuple[str | None, str | None]:
    """Id and name; where the author is an object, they are looked for inside it."""
    if isinstance(author, dict):
        for name in ("id_str", "id", "user_id"):
            author_id = author_id or author.get(name)
        shown = (
            author.get(name) for name in ("name", "displayname", "display_name", "username", "screen_name")
        )
        author = next((name for name in shown if name), None)
    return _identifier(author_id), _identifier(author)


def _media(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(storable(item) for item in value if isinstance(item, str) and item)
    name = _identifier(value)
    return () if name is None else (name,)


def _short(value: object) -> str:
    return "missing" if value is None else f"{type(value).__name__} {value!r:.60}"
