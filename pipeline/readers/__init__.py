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

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from pipeline.errors import ExportError
from pipeline.readers import (
    blog_text,
    choosing,
    crowdtangle,
    discord,
    facebook_dyi,
    fourcat,
    json_list,
    jsonl,
    meta_content_library,
    parquet,
    reddit,
    snscrape,
    snscrape_telegram,
    spreadsheet,
    table,
    telegram_html,
    telegram_json,
    telegram_scraper,
    telethon,
    twarc,
    vk_html,
    whatsapp,
    wordpress_html,
    wxr,
    x_archive,
    youtube,
    zeeschuimer,
)
from pipeline.readers.choosing import Choice, read_as
from pipeline.readers.files import fingerprint, locate, peek
from pipeline.readers.interface import (
    COLUMNS,
    Export,
    Head,
    Item,
    Limits,
    Reader,
    Reading,
    Score,
    origin,
    refuse,
)
from pipeline.readers.mojibake import mend
from pipeline.readers.opening import broken_off
from pipeline.records import NonPost, Post, Reason

__all__ = [
    "COLUMNS",
    "READERS",
    "Choice",
    "Export",
    "Head",
    "Item",
    "Limits",
    "Reader",
    "Reading",
    "Score",
    "choose",
    "fingerprint",
    "locate",
    "missing_files",
    "peek",
    "read",
    "read_as",
]

READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        telegram_json.READER,
        telegram_html.READER,
        whatsapp.READER,
        crowdtangle.READER,
        twarc.READER,
        x_archive.READER,
        snscrape.READER,
        facebook_dyi.READER,
        zeeschuimer.READER,
        fourcat.READER,
        meta_content_library.READER,
        wordpress_html.READER,
        wxr.READER,
        reddit.READER,
        youtube.READER,
        vk_html.READER,
        discord.READER,
        telethon.READER,
        telegram_scraper.READER,
        snscrape_telegram.READER,
        table.READER,
        jsonl.READER,
        json_list.READER,
        spreadsheet.READER,
        parquet.READER,
        blog_text.READER,
    )
}


def choose(export: Export, reader: str = "auto", columns: Sequence[str] = ()) -> Choice:
    """How a file is read, an archive member by member: by the named reader, or by those that recognize it.

    `columns`: names that the source's `columns` says are in the file, which help to recognize a table.

    Raises `ExportError` that names the file where no reader is sure, or two are equally sure.
    """
    return choosing.choose(READERS, export, reader, columns)


def missing_files(files: Iterable[tuple[str, str]], wanted: Iterable[str] = ()) -> list[str]:
    """The files that sets of pages or parts are short of; `files`: all of a source, by name and reader.

    `wanted`: names of which is known that they were there, such as `Choice.links`.
    """
    return choosing.missing_files(READERS, files, wanted)


def read(choice: Choice, reading: Reading) -> Iterator[Item]:
    """Every row of the file, in its order; members of an archive that are not read come first.

    Raises `ExportError` where the file as a whole cannot be read; rows before that point are yielded.
    """
    for aside in choice.asides:
        if aside.reason is None:
            yield NonPost(origin=aside.at, what=aside.told)
        else:
            yield refuse(reading.source, aside.at, aside.reason, aside.told, "")
    for part, reader in choice.parts:
        try:
            for item in reader.read(part, reading):
                yield item if not isinstance(item, Post) or item.text.isascii() else _mended(item)
            broken = broken_off(part)
        except OSError as error:
            raise ExportError(f"{part.name}: cannot be read: {error.strerror or error}") from error
        if broken is not None:
            detail = f"{broken}; what is behind that place is lost: get the file again"
            yield refuse(
                reading.source, origin(part, reader.name, "whole file"), Reason.TRUNCATED, detail, ""
            )


def _mended(post: Post) -> Post:
    """The post with what was read in a wrong encoding before it was exported put right, and noted."""
    text, note = mend(post.text)
    if note is None:
        return post
    notes = [*post.extra.get("repaired", ()), note]
    author, group = post.author_name, post.group_name
    return replace(
        post,
        text=text,
        author_name=None if author is None else mend(author)[0],
        group_name=None if group is None else mend(group)[0],
        extra=post.extra | {"repaired": notes},
    )
