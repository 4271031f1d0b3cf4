"""Files and folders that survive a power cut: written, synced, renamed, linked."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.errors import DatasetError

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS: Final = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}


def sync_file(path: Path) -> None:
    """Force the bytes of a file to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Force the names in a folder to the disk."""
    sync_file(path)


def write_file(path: Path, content: bytes) -> None:
    """Write a file and force it to the disk; its name is durable after `sync_folder` of its folder."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Let `path` hold `content` in one step: whoever reads it sees the old file or the new one.

    Raises `DatasetError` that names the path where the disk refuses; then the old file stands.
    """
    fresh = path.with_name(f".{path.name}-new")
    with telling(path, "write"):
        write_file(fresh, content)
        fresh.replace(path)
        sync_folder(path.parent)


def link_file(old: Path, new: Path) -> None:
    """Give a file a second name; a durable copy where the disk has no hard links."""
    try:
        os.link(old, new)
    except OSError as refused:
        if refused.errno not in _NO_LINKS:
            raise
        shutil.copyfile(old, new)
        sync_file(new)


def point(link: Path, target: str) -> None:
    """Make `link` a symbolic link to `target` in one step: it names the old target or the new one.

    The step is durable after `sync_folder` of the link's folder.
    """
    fresh = link.with_name(f".{link.name}-new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def telling(path: Path, doing: str) -> Iterator[None]:
    """Turn a failure of the disk into a `DatasetError` that names `path` and says what to do."""
    try:
        yield
    except OSError as failure:
        advice = "make room on that disk" if failure.errno in _NO_ROOM else "look at that path"
        raise DatasetError(
            f"{path}: cannot {doing}: {failure}; the version before stands; {advice} and run again"
        ) from failure
