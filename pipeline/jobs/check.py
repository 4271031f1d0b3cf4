"""Whether a run would find everything in order: files, readers, key, gazetteer, dataset.  Changes nothing."""

# ruff: noqa: PLC0415  the gazetteer is opened last
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline import readers
from pipeline.config import Config, Source, cache_folder, is_url, key_file
from pipeline.errors import DatasetError, MarsadError
from pipeline.jobs.engine import cores
from pipeline.jobs.fetching import export_path, listed
from pipeline.jobs.people import open_key
from pipeline.storage.dataset import Dataset

if TYPE_CHECKING:
    from pipeline.places.gazetteer import Gazetteer


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
            limits = config.limits.as_readers
            chosen = {_reader(readers.Export(path, path.name, "", limits=limits), source) for path in files}
            size = sum(path.stat().st_size for path in files)
            count = len(files)
            if any(map(is_url, source.files)):
                on_stores = listed(config, source)
                least = min(on_stores, key=lambda found: found.size)  # one tells; a check fetches no more
                path = export_path(config, least.url)
                chosen.add(_reader(readers.Export(path, least.url, "", limits=limits), source))
                size += sum(found.size for found in on_stores)
                count += len(on_stores)
            told = f"{count} files, {size:,} bytes, read as {', '.join(sorted(chosen))}"
            yield Finding(
                what, told + ("" if source.zone else "; no zone: times without an offset stay open")
            )
        except (MarsadError, OSError) as refused:
            yield Finding(what, str(refused), getattr(refused, "exit_code", 1))
    if any(source.authors == "pseudonym" for source in config.sources) and key_file().exists():
        yield _asked("key", lambda: f"{open_key(key_file()).key_id} in {key_file()}")
    yield _asked("dataset", lambda: _dataset(config))
    yield _asked("gazetteer", lambda: _gazetteer(config))
    if config.engine.kind == "dask":
        yield _asked("engine", lambda: _cluster(config))


def _reader(export: readers.Export, source: Source) -> str:
    return readers.choose(export, source.reader, tuple(source.columns.values())).name


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

    gazetteer = open_gazetteer(cache_folder(), config.gazetteer.home, config.gazetteer.layer_files())
    told = [f"{len(gazetteer):,} places in {cache_folder()}", *_known(gazetteer, config)]
    return "\n".join(told)


def _cluster(config: Config) -> str:
    from pipeline.annotate import Settings
    from pipeline.jobs.engine_dask import Cluster

    asked = config.engine
    count = cores() if asked.workers == "auto" else asked.workers
    cluster = Cluster(Settings(str(cache_folder())), asked.address, count)
    try:
        return cluster.told()
    finally:
        cluster.close()


def _known(gazetteer: Gazetteer, config: Config) -> list[str]:
    """For each country where the groups live: how many settlements are known, and what would add more."""
    from pipeline.places.gazetteer import SETTLEMENTS

    homes = sorted({*config.gazetteer.home, *(home[:2] for source in config.sources for home in source.home)})
    counts = Counter(
        gazetteer.country(number) for number in range(len(gazetteer)) if gazetteer.kind(number) in SETTLEMENTS
    )
    added = {code for note in gazetteer.notes if note.rank in {1, 2} for code in note.countries}
    lines = [f"{code}: {counts[code]:,} towns, villages and quarters known" for code in homes]
    missing = [code for code in homes if code not in added]
    if missing:
        codes = " ".join(code.lower() for code in missing)
        lines.append(
            f"most villages are not in the package; add them with: marsad gazetteer add whosonfirst {codes}"
        )
    return lines
