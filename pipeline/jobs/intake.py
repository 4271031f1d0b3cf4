"""From the files of a source to rows: which reader, which limits, and how whole each file was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline import readers
from pipeline.config import Source
from pipeline.errors import ExportError
from pipeline.jobs.books import Tally
from pipeline.readers.files import Aside
from pipeline.readers.interface import origin, refuse
from pipeline.records import NonPost, Reason, Rejection
from pipeline.storage.manifest import Input, Wholeness

_OF_FILES = frozenset({Reason.BAD_FILE, Reason.TRUNCATED})


def choose_readers(
    exports: Sequence[readers.Export], reader: str, columns: Sequence[str] = ()
) -> dict[str, readers.Choice]:
    """How each file is read, by name.  A file that no reader takes is given as one rejection.

    Raises `ExportError` that names every file where none is taken by any reader.
    """
    chosen: dict[str, readers.Choice] = {}
    refused = []
    for export in exports:
        try:
            chosen[export.name] = readers.choose(export, reader, columns)
        except ExportError as error:
            refused.append(str(error))
            whole = Aside(origin(export, "none", "whole file"), str(error), Reason.BAD_FILE)
            chosen[export.name] = readers.Choice(export, "none", (), (whole,))
    if refused and len(refused) == len(chosen):
        raise ExportError("\n".join(refused))
    return chosen


def reading_of(source: Source) -> readers.Reading:
    """What the configuration of a source says about reading its exports."""
    return readers.Reading(
        source=source.name,
        zone=source.zone,
        columns=dict(source.columns),
        time_format=source.time_format,
        day_order=source.day_order,
        delimiter=source.delimiter,
        encoding=source.encoding,
        platform=source.platform,
        group=source.group,
    )


def rows_of(choice: readers.Choice, reading: readers.Reading, tally: Tally) -> Iterator[readers.Item]:
    """The rows of a file, counted; where it cannot be read on, that is the last of them, as a rejection."""
    export = choice.export
    try:
        for item in readers.read(choice, reading):
            tally.read += 1
            if isinstance(item, NonPost):
                tally.nonposts += 1
            elif isinstance(item, Rejection) and item.reason in _OF_FILES:
                tally.lost.append(item.detail)
            yield item
    except ExportError as error:
        if tally.read == 0:
            tally.refused = str(error)
        tally.read += 1
        tally.lost.append(str(error))
        at = origin(export, choice.name, "whole file")
        yield refuse(reading.source, at, Reason.BAD_FILE, str(error), "")


def check_some_read(tallies: Mapping[str, Tally]) -> None:
    """Raise `ExportError` with the reasons where not one of the files could be read."""
    refused = [tally.refused for tally in tallies.values() if tally.refused is not None]
    if refused and len(refused) == len(tallies):
        raise ExportError("\n".join(refused))


def wholeness(tally: Tally, posts: int) -> Wholeness:
    """How whole a file was; `posts`: how many came out of it."""
    if not tally.lost:
        return "complete"
    return "partial" if posts or tally.nonposts else "rejected"


def missing(
    chosen: Mapping[str, readers.Choice], earlier: Iterable[Input], known: Iterable[str]
) -> tuple[str, ...]:
    """The files that a source's sets of pages or parts are short of.

    `earlier`: what was taken in by earlier runs; `known`: what was missing then.
    """
    files = [pair for choice in chosen.values() for pair in readers.read_as(choice)]
    files += [(one.name, one.reader) for one in earlier if one.name not in chosen]
    linked = [name for choice in chosen.values() for name in choice.links]
    return tuple(readers.missing_files(files, [*linked, *known]))


def gaps(inputs: Iterable[Input], absent: Iterable[str]) -> tuple[str, ...]:
    """What an operator is told of files that are not whole: a sentence each."""
    told = [f"{one.name} is {one.state}: see marsad rejected" for one in inputs if one.state != "complete"]
    return (*told, *(f"{name} is missing: export or copy it again" for name in absent))


def folder_of(name: str) -> str:
    """The folder part of a file's name.

    >>> folder_of("exports/north/a.json"), folder_of("a.json")
    ('exports/north', '')
    """
    return re.sub(r"/?[^/]*$", "", name)
