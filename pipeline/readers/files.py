"""Files as bytes: their fingerprint, their two ends, and the way back to the bytes of a row."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.readers.interface import Head
from pipeline.readers.lines import raw_lines

_LOCATOR = re.compile(r"bytes (\d+)-(\d+)|(?:row \d+ \()?lines? (\d+)(?:-(\d+))?\)?")


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, in hex; read in pieces, so that memory does not grow with the file."""
    seen = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            seen.update(piece)
    return seen.hexdigest()


def peek(path: Path, name: str) -> Head:
    """The two ends of a file.  Raises `ExportError` where it cannot be opened."""
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
            file.seek(max(0, file.seek(0, 2) - 4096))
            return Head(name, start, file.read(4096))
    except OSError as error:
        raise ExportError(f"{name}: cannot be read: {error.strerror or error}") from error


def locate(path: Path, locator: str) -> bytes:
    """The exact bytes that a row was read from, with its line end where the locator counts lines.

    `locator` is what an `Origin` holds: "bytes 120-480" (half-open), "line 7", "lines 7-9" or
    "row 12 (lines 15-18)", lines from 1 and inclusive.  Raises `ValueError` for any other words.
    """
    match = _LOCATOR.fullmatch(locator)
    if match is None:
        raise ValueError(f'{locator!r} is no locator; "bytes 120-480" or "lines 7-9" is')
    if match[1] is not None:
        start, end = int(match[1]), int(match[2])
    else:
        first, last = int(match[3]), int(match[4] or match[3])
        start = end = 0
        for line in raw_lines(path):
            if line.number == first:
                start = line.start
            if line.number == last:
                end = line.end
                break
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)
