"""Export files in; posts, declared non-posts and rejections out.

One module per kind of export and one line in `READERS`.  A bad row is a `Rejection` and never ends a
file; a bad file raises `ExportError`.  What is yielded is what was read: posts + non-posts + rejections.
Head rows, blank lines and the brackets between records are no rows.

What readers note in `Post.extra`, beside the fields of the export that have no column:
repaired (what had to be mended in the bytes of the row), time_suspect (the printed time, not believed),
time_fold and posted_between (two UTC times, see `readers.times`), zone_printed, links (hidden behind words),
edited and edited_local (an edit whose UTC time is not known), title, more_cells, id_precision_lost,
chat_type (of a chat between two people, whose name is a person's).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.readers import blog_text, crowdtangle, jsonl, table, telegram_json, whatsapp
from pipeline.readers.files import fingerprint, locate, peek
from pipeline.readers.interface import COLUMNS, Export, Head, Item, Reader, Reading

__all__ = [
    "COLUMNS",
    "READERS",
    "Export",
    "Head",
    "Item",
    "Reader",
    "Reading",
    "choose",
    "fingerprint",
    "locate",
    "read",
]

READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        telegram_json.READER,
        whatsapp.READER,
        crowdtangle.READER,
        table.READER,
        jsonl.READER,
        blog_text.READER,
    )
}


_PACKED = {
    b"pk\x03\x04": "a zip archive or a spreadsheet; unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "packed with gzip; unpack it first",
    b"(\xb5/\xfd": "packed with zstd; unpack it first",
    b"<!doctype html": "a web page; export the chat as JSON, or save the page as text",
    b"<html": "a web page; export the chat as JSON, or save the page as text",
}
"""What is no export of ours, and the way out; small letters."""


def choose(export_path: Path, name: str) -> Reader:
    """The reader that recognizes the file: `reader: auto`.

    Raises `ExportError` that names the file where no reader is sure, or two are equally sure.
    """
    head = peek(export_path, name)
    if not head.start.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise ExportError(f"{name}: the file is empty; take it out of the source's files, or export it again")
    for start, what in _PACKED.items():
        if head.start.lstrip().lower().startswith(start):
            raise ExportError(f"{name}: {what}")
    ranked = sorted(READERS.values(), key=lambda reader: -reader.score(head))
    best, second = ranked[:2]
    sure, runner_up = best.score(head), second.score(head)
    if sure < 0.4:
        nearest = f" (nearest: {best.name} {sure:.1f})" if sure else ""
        raise ExportError(
            f"{name}: no reader recognizes this file{nearest}; set reader to one of {', '.join(READERS)}"
        )
    if sure - runner_up < 0.1:
        raise ExportError(
            f"{name}: this may be {best.name} ({sure:.1f}) or {second.name} ({runner_up:.1f}); "
            f"set reader to the one that it is"
        )
    return best


def read(export: Export, reading: Reading, reader: Reader) -> Iterator[Item]:
    """Every row of the export, in file order.

    Raises `ExportError` where the file as a whole cannot be read; rows before that point are yielded.
    """
    try:
        yield from reader.read(export, reading)
    except OSError as error:
        raise ExportError(f"{export.name}: cannot be read: {error.strerror or error}") from error
