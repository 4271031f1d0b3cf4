"""Exports on object stores: listed, fetched whole into a cache on this machine, and read there.

What is read, fingerprinted and quoted are the bytes that were fetched.  An object that changes while it is
fetched is left for the next run.  Of an object that is as it was (size and ETag, else size and time) the
fingerprint is known, so that a run with nothing new fetches nothing.

Stores are reached through fsspec: credentials come from the environment or the files of the store's own
programs, and stand neither in the configuration nor in the dataset nor in a log.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any, Final

import msgspec
from msgspec import Struct

from pipeline.config import Config, Source, cache_folder, is_url
from pipeline.errors import ConfigError, ExportError

_MARKS: Final = ("ETag", "etag", "md5", "generation")  # what a store says of the content; else its time
_TIMES: Final = ("mtime", "LastModified", "last_modified", "updated", "created")


class Found(Struct, frozen=True):
    """An object of a store."""

    url: str
    size: int
    mark: str  # another one: other bytes


class Fetched(Struct, frozen=True):
    """What is known of an object that was fetched."""

    url: str
    size: int
    mark: str
    sha256: str


class Fetcher:
    """The exports of stores, and their copies on this machine.  `close` it: others may clear them then."""

    def __init__(self, folder: Path, most: int) -> None:
        """`folder`: of the copies, which are their owner's only; `most`: bytes that they may take."""
        self._folder = folder
        self._most = most
        folder.mkdir(0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_SH)  # while somebody reads copies, nobody clears any

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def known(self, found: Found) -> str | None:
        """The SHA-256 of the object where it was fetched before and has not changed, else None."""
        note = self._note(found.url)
        return note.sha256 if note and (note.size, note.mark) == (found.size, found.mark) else None

    def path(self, url: str) -> Path:
        """Where the copy of an object is, or would be."""
        return self._place(url) / (PurePosixPath(url).name or "export")

    def fetch(self, wanted: Sequence[Found]) -> set[str]:
        """See to it that there are copies of all; the URLs of those that changed, of which there are none.

        Raises `ExportError` where the store refuses, and `ConfigError` where the copies have no room.
        """
        coming = [one for one in wanted if self.known(one) is None or not self._is_whole(one)]
        self._make_room(sum(one.size for one in coming), {one.url for one in wanted})
        return {one.url for one in coming if not self._fetch(one)}

    def _fetch(self, found: Found) -> bool:
        place, path = self._place(found.url), self.path(found.url)
        place.mkdir(0o700, exist_ok=True)
        fresh = Path(mkdtemp(prefix=".coming-", dir=self._folder))
        try:
            copy = fresh / path.name
            store, inside = _opened(found.url)
            store.get_file(inside, str(copy))
            if _mark(store.info(inside)) != found.mark or copy.stat().st_size != found.size:
                return False
            with copy.open("rb") as file:
                os.fsync(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            note = fresh / "note.json"
            note.write_bytes(
                msgspec.json.encode(Fetched(found.url, found.size, found.mark, digest), order="sorted")
            )
            (place / "note.json").unlink(missing_ok=True)  # a copy without a note is fetched again
            copy.replace(path)
            note.replace(place / "note.json")
        except FileNotFoundError:
            return False  # it has gone since it was listed
        except Exception as refused:
            raise ExportError(f"{found.url}: cannot be fetched: {_told(refused)}") from refused
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return True

    def _is_whole(self, found: Found) -> bool:
        try:
            os.utime(self.path(found.url))  # what was used lately is not the first to go
            return self.path(found.url).stat().st_size == found.size
        except FileNotFoundError:
            return False

    def _make_room(self, need: int, spared: set[str]) -> None:
        """Clear the copies that were not used for longest, until there is room; none while others read."""
        if need > self._most:
            raise ConfigError(
                f"{need:,} bytes are to be fetched, remote.cache_bytes is {self._most:,}; raise it, or name "
                "fewer files in a source"
            )
        if not need:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self._folder.glob(".coming-*"):  # of processes that were killed
                shutil.rmtree(left, ignore_errors=True)
            keep = {self.path(url) for url in spared}
            copies = [path for path in self._folder.glob("*/*") if path.name != "note.json"]
            taken = sum(path.stat().st_size for path in copies)
            for path in sorted(copies, key=lambda path: path.stat().st_mtime_ns):
                if taken + need <= self._most:
                    break
                if path not in keep:
                    taken -= path.stat().st_size
                    path.unlink()
        except BlockingIOError:
            pass
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _note(self, url: str) -> Fetched | None:
        with suppress(OSError, msgspec.DecodeError):
            note = msgspec.json.decode((self._place(url) / "note.json").read_bytes(), type=Fetched)
            return note if note.url == url else None
        return None

    def _place(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()[:32]


def open_fetcher(config: Config) -> Fetcher:
    """The fetcher of a configuration."""
    return Fetcher(cache_folder() / "fetched", config.remote.cache_bytes)


def listed(config: Config, source: Source) -> list[Found]:
    """The objects that the URLs of a source name, by URL, each once.

    Raises `ConfigError` where one matches none, or what opens it is not installed, and `ExportError` where
    the store refuses.
    """
    found: dict[str, Found] = {}
    for pattern in filter(is_url, source.files):
        matches = _matches(pattern)
        if not matches:
            raise ConfigError(f"{config.where(source, 'files')}: nothing matches {pattern!r}")
        found |= {one.url: one for one in matches}
    return [found[url] for url in sorted(found)]


def export_path(config: Config, name: str) -> Path:
    """Where the bytes of an export of this name are now; of one on a store, a copy as it is now.

    There is no file at the path where there is no export any more.  Raises `ExportError` where it cannot be
    fetched.
    """
    if not is_url(name):
        return config.folder / name
    fetcher = open_fetcher(config)
    try:
        for _ in range(3):
            now = _matches(name, literal=True)
            if not now:
                return fetcher.path(name).with_name("gone") / "export"
            if not fetcher.fetch(now):
                return fetcher.path(name)
        raise ExportError(f"{name}: changes while it is fetched; try again")
    finally:
        fetcher.close()


def _matches(pattern: str, *, literal: bool = False) -> list[Found]:
    store, inside = _opened(pattern)
    hidden = PurePosixPath(pattern).name.startswith(".")
    try:
        store.invalidate_cache()
        infos: Iterable[Any]
        infos = [store.info(inside)] if literal else store.glob(inside, detail=True).values()
        files = [info for info in infos if info["type"] == "file"]
        named = [(str(store.unstrip_protocol(info["name"])), info) for info in files]
        return [
            Found(url, int(info["size"]), _mark(info if _says(info) else store.info(info["name"])))
            for url, info in named
            if hidden or literal or not PurePosixPath(url).name.startswith(".")
        ]
    except FileNotFoundError:
        return []
    except Exception as refused:
        raise ExportError(f"{pattern}: cannot be listed: {_told(refused)}") from refused


def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    try:
        fsspec: Any = import_module("fsspec")  # an extra, without types
        store, inside = fsspec.url_to_fs(url, use_listings_cache=False)
    except ImportError as missing:
        raise ConfigError(
            f"{url}: what opens it is not installed ({missing}); run: pip install 'marsad[remote]'"
        ) from missing
    except ValueError as refused:
        raise ConfigError(f"{url}: {refused}") from refused
    return store, inside


def _mark(info: Any) -> str:
    told = _says(info) or next((str(info[name]) for name in _TIMES if info.get(name)), "")
    return f"{info['size']} {told}"


def _says(info: Any) -> str | None:
    """What a store says of the content; it is the same in lists and for one object, which times are not."""
    return next((str(info[name]) for name in _MARKS if info.get(name)), None)


def _told(refused: Exception) -> str:
    """The first line of what went wrong."""
    return f"{type(refused).__name__}: {(str(refused).splitlines() or [''])[0]}"
