"""A source whose files in the dataset were damaged gets whole ones again."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.config import Config
from pipeline.errors import DatasetError
from pipeline.jobs.run import Options, run
from pipeline.storage.dataset import Dataset


def repair(config: Config, source: str) -> str:
    """Mend the files of a source, and say how, in a sentence; the other sources are not touched.

    A source that is whole stays as it is.  Its exports are read again where they are there; else the newest
    version in which its files are whole is published once more.
    Raises `ConfigError` for a source that is not configured, `DatasetError` where neither way is open.
    """
    (known,) = config.select([source])
    dataset = Dataset(config.dataset)
    current = dataset.current()
    if current is None or source not in current.manifest.sources:
        raise DatasetError(f"{source} has no rows yet; marsad run {source}")
    damage = current.verify([source])
    if not damage:
        return f"{source}: every byte is as published, nothing to do"
    outcomes = list(run(config, [known.name], Options(kind="rerun")))
    if all(outcome.state == "published" for outcome in outcomes):
        return f"{source}: its exports were read again, version {outcomes[0].version}"
    for number in reversed(dataset.versions()):
        version = dataset.version(number)
        if source in version.manifest.sources and not version.verify([source]):
            with dataset.writer("marsad repair") as writer:
                made = writer.restore(version, source, at=datetime.now(UTC))
            return f"{source}: as in version {number}, now version {made.number}; {outcomes[0].error}"
    raise DatasetError(
        f"{source}: its exports cannot be read ({outcomes[0].error}), and no version on disk has it whole"
    )
