"""What the tests of the readers share: exports written to tmp_path and read as a run would read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.readers import Export, Item, Reading, choose, fingerprint, locate, read
from pipeline.records import NonPost, Post, Rejection


def items_of(path: Path, reader: str = "auto", **settings: Any) -> list[Item]:
    """All items of a file."""
    return list(read(choose(export_of(path), reader), Reading(source="s", **settings)))


def export_of(path: Path, **more: Any) -> Export:
    return Export(path, path.name, fingerprint(path) if path.exists() else "", **more)


def posts(items: list[Item]) -> list[Post]:
    return [item for item in items if isinstance(item, Post)]


def rejections(items: list[Item]) -> list[Rejection]:
    return [item for item in items if isinstance(item, Rejection)]


def nonposts(items: list[Item]) -> list[NonPost]:
    return [item for item in items if isinstance(item, NonPost)]


def source_bytes(path: Path, item: Item) -> bytes:
    return locate(path, item.origin.locator)


def message(number: int, text: object = "قصف على الحي", **more: Any) -> dict[str, Any]:
    """A Telegram message as version 5 exports it."""
    fields = {
        "id": number,
        "type": "message",
        "date": "2024-01-02T13:00:00",
        "date_unixtime": "1704193200",
        "from": "أبو محمد",
        "from_id": "user100",
        "text": text,
        "text_entities": [],
    }
    return {name: value for name, value in (fields | more).items() if value != "ABSENT"}


def chat(messages: list[Any], **head: Any) -> dict[str, Any]:
    return {"name": "أخبار الحي", "type": "private_supergroup", "id": 123} | head | {"messages": messages}


def exported(document: object) -> str:
    """JSON in the layout of Telegram Desktop."""
    return json.dumps(document, ensure_ascii=False, indent=1)
