"""Whether a run would find everything in order: files, readers, key, gazetteer, dataset.  Changes nothing."""

# ruff: noqa: PLC0415  the gazetteer is opened last
from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from pipeline import readers
from pipeline.config import Config, cache_folder, key_file
from pipeline.errors import DatasetError, MarsadError
from pipeline.jobs.people import open_key
from pipeline.storage.dataset import Dataset


class Finding(Struct, frozen=True):
    """One thing that was looked at."""

    what: str  # "source ghab_telegram", "gazetteer", ...
    told: str  # how it is, or what is wrong
    exit_code: int = 0  # 0: in order


def check(config: Config) -> Iterator[Finding]:
    """Look at every source and at what they share."""
    for source in config.sources:
        what = f"source {source.name}"
        try:
            files = config.find_files(source)
            chosen = {
                source.reader if source.reader != "auto" else readers.choose(path, path.name).name
                for path in files
            }
            size = sum(path.stat().st_size for path in files)
            told = f"{len(files)} files, {size:,} bytes, read as {', '.join(sorted(chosen))}"
            yield Finding(
                what, told + ("" if source.zone else "; no zone: times without an offset stay open")
            )
        except (MarsadError, OSError) as refused:
            yield Finding(what, str(refused), getattr(refused, "exit_code", 1))
    if any(source.authors == "pseudonym" for source in config.sources) and key_file().exists():
        yield _asked("key", lambda: f"{open_key(key_file()).key_id} in {key_file()}")
    yield _asked("dataset", lambda: _dataset(config))
    yield _asked("gazetteer", lambda: _gazetteer(config))


def _asked(what: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(what, ask())
    except (MarsadError, OSError) as refused:
        return Finding(what, str(refused), getattr(refused, "exit_code", 1))


def _dataset(config: Config) -> str:
    version = Dataset(config.dataset).current()
    if version is None:
        return f"{config.dataset}: none yet"
    damage = version.damage()
    if damage:
        raise DatasetError("\n".join(damage))
    return f"{config.dataset}: version {version.number}, sources: {', '.join(version.manifest.sources)}"


def _gazetteer(config: Config) -> str:
    from pipeline.places.gazetteer import open_gazetteer

    gazetteer = open_gazetteer(cache_folder(), config.gazetteer.home, config.gazetteer.layers)
    return f"{len(gazetteer):,} places in {cache_folder()}"
