"""The keys of the pseudonyms: one is current, older ones stay so that people can still be found.

A new key becomes current in one step, after the old one was put by; a kill between the two leaves both.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.jobs.people import Key, fresh_secret, open_key


class Ring(Struct, frozen=True):
    """All keys that are known.

    >>> ring = Ring(Key(bytes(32)), (Key(b"a" * 32),))
    >>> ring.find(Key(b"a" * 32).key_id), ring.find("unknown")
    (Key(b130dd7aed90), None)
    """

    current: Key
    older: tuple[Key, ...] = ()  # oldest first

    @property
    def keys(self) -> tuple[Key, ...]:
        """All of them, the current one first, then from the newest to the oldest."""
        return (self.current, *reversed(self.older))

    def find(self, key_id: object) -> Key | None:
        """The key with this id; None where it is not known any more."""
        return next((key for key in self.keys if key.key_id == key_id), None)


def older_file(path: Path) -> Path:
    """Where the older keys are kept, beside the current one in `path`."""
    return path.with_name(f"{path.name}.old")


def open_ring(path: Path) -> Ring:
    """The current key in `path`, made where there is none yet, and the older ones beside it.

    Raises `ConfigError` where one of the files holds no key, or others may read it.
    """
    current = open_key(path)
    older = older_file(path)
    if not older.exists():
        return Ring(current)
    keys = [_key(line, older) for line in _private(older).splitlines() if line.strip()]
    return Ring(current, tuple(key for key in keys if key != current))


def rotate(path: Path) -> Ring:
    """Let a new key be the current one; the one before stays among the older.

    Raises `ConfigError` where the disk refuses; then the key before is still the current one.
    """
    with _alone(path):
        ring = open_ring(path)
        older = (*ring.older, ring.current)
        write_private(older_file(path), "".join(f"{key.secret.hex()}\n" for key in older))
        write_private(path, fresh_secret())
        return open_ring(path)


def write_private(path: Path, content: str) -> None:
    """Let a file of secrets hold `content`, in one step and durably; only its owner can read it.

    Raises `ConfigError` that names the file where the disk refuses; then the file before stands.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as refused:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {refused.strerror}; see MARSAD_KEY_FILE") from None


def _private(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others; change that with: chmod 600 {path}")
        return path.read_text(encoding="ascii")
    except (OSError, ValueError) as refused:
        raise ConfigError(f"{path} cannot be read: {refused}") from None


def read_private(path: Path) -> str:
    """The content of a file of secrets; "" where there is none.

    Raises `ConfigError` where others may read it, or it cannot be read.
    """
    return _private(path) if path.exists() else ""


def _key(line: str, path: Path) -> Key:
    try:
        secret = bytes.fromhex(line)
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise ConfigError(f"{path}: a line of it is no key (64 hexadecimal digits)")
    return Key(secret)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two rotations at once would lose a key."""
    open_key(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
