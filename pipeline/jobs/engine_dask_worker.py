"""The side of the Dask engine that works: what a task of ours does in a worker of the cluster.

A Dask worker annotates nothing itself.  Each of its threads has a process of its own beside it, as a run on
one machine has (`engine.Processes`): a post that hangs, crashes or eats the memory costs itself only, is
found here, and becomes the same fault as everywhere else; and Dask never loses a worker by it.

Nothing is raised out of a task: Dask writes the arguments of a task that raises to its log, and these are
posts.  What is wrong stands in the answer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

import pipeline
from pipeline.config import cache_folder
from pipeline.data import digest as tables_digest
from pipeline.jobs.engine import Batch, Limits, Processes, annotator
from pipeline.places.gazetteer import has_pack, pack_folder
from pipeline.records import Settings
from pipeline.storage.rows import Encoded

_DECIDING = ("hijridate", "langdetect", "lingua-language-detector", "pycld2")  # packages that decide rows


class Opening(Struct, frozen=True):
    """What a worker needs to begin with a run.  `facts` can be read whatever the rest looks like."""

    facts: dict[str, str]  # of the program that asks
    settings: Settings  # with `pack`
    limits: Limits


class _Head(Struct):
    facts: dict[str, str]


class Answer(Struct, frozen=True):
    """What a task gives back."""

    pieces: list[Encoded] = []  # the columns of the batch; in several pieces where a post of it was deadly
    refused: str | None = None  # why this worker cannot take part
    lacks_pack: bool = False  # it needs the compiled gazetteer, and has not got it


@cache
def facts() -> dict[str, str]:
    """What must be the same on all machines of a run, so that all give the same bytes."""
    code = hashlib.sha256()
    folder = Path(pipeline.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        code.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "marsad": pipeline.__version__,
        "python": ".".join(map(str, sys.version_info[:2])),
        "code": code.hexdigest()[:12],
        "word tables": tables_digest()[:12],
        **{name: found for name in _DECIDING if (found := _version(name))},
    }


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """What a worker has otherwise than the program that asks it, in words; empty where nothing differs.

    >>> differences({"marsad": "0.2.0", "python": "3.12"}, {"marsad": "0.2.0", "python": "3.11"})
    'python 3.12 there, 3.11 here'
    """
    return ", ".join(
        f"{name} {theirs.get(name, 'missing')} there, {ours.get(name, 'missing')} here"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    )


def work(opening: bytes, sent: bytes) -> bytes:
    """A task: an encoded `Batch` in, an encoded `Answer` out.  Runs in a thread of a Dask worker."""
    try:
        answer = _answer(opening, sent)
    except Exception as refused:  # noqa: BLE001  see above: nothing may be raised here
        answer = Answer(refused=_last_line(refused))
    return msgspec.msgpack.encode(answer)


def _answer(opening: bytes, sent: bytes) -> Answer:
    differing = differences(facts(), msgspec.msgpack.decode(opening, type=_Head).facts)
    if differing:
        return Answer(refused=differing)
    engine = _engine(opening)
    if engine is None:
        return Answer(lacks_pack=True)
    return Answer(list(engine.map([msgspec.msgpack.decode(sent, type=Batch)])))


def receive(digest: str, packed: bytes) -> None:
    """Keep a compiled gazetteer in this machine's cache, in one step; nothing happens where it is there."""
    cache = cache_folder()
    if has_pack(cache, digest):
        return
    files = msgspec.msgpack.decode(zstandard.decompress(packed), type=dict[str, bytes])
    cache.mkdir(parents=True, exist_ok=True)
    fresh = Path(mkdtemp(prefix=".coming-", dir=cache))
    try:
        for name, content in files.items():
            (fresh / Path(name).name).write_bytes(content)
        fresh.chmod(0o755)
        os.rename(fresh, pack_folder(cache, digest))  # noqa: PTH104  fails where another was faster
    except OSError:
        if not has_pack(cache, digest):
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def packed(cache: Path, digest: str) -> bytes:
    """A compiled gazetteer as `receive` takes it."""
    files = {path.name: path.read_bytes() for path in sorted(pack_folder(cache, digest).iterdir())}
    return zstandard.compress(msgspec.msgpack.encode(files))


def _engine(opening: bytes) -> Processes | None:
    """The engine of this thread, kept for its next batches; None where the compiled gazetteer is not here."""
    mine = _mine()
    if getattr(mine, "opening", None) == opening:
        kept: Processes = mine.engine
        return kept
    asked = msgspec.msgpack.decode(opening, type=Opening)
    assert asked.settings.pack is not None
    caches = (asked.settings.cache, str(cache_folder()))  # of the program that asks, where we share its disk
    found = next((cache for cache in caches if has_pack(Path(cache), asked.settings.pack)), None)
    if found is None:
        return None
    if getattr(mine, "opening", None) is not None:
        mine.engine.close()
    mine.engine = Processes(partial(annotator, replace(asked.settings, cache=found)), 1, asked.limits)
    mine.opening = opening
    return _engine(opening)


@cache
def _mine() -> threading.local:
    return threading.local()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _last_line(error: Exception) -> str:
    """What an exception says; of a traceback that it carries the last line."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
