"""One whole state of the dataset on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import DatasetError
from pipeline.storage.durable import (
    hash_file,
)
from pipeline.storage.manifest import (
    MANIFEST,
    FileState,
    Manifest,
    NewerError,
    decode_manifest,
)


class Version:
    """One whole state of the dataset; its files never change."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.number = manifest.number

    def files(self, table: str, source: str | None = None) -> list[Path]:
        """The parquet files of a table: by source, and of each its segments in their order.

        Of one source only where `source` is given.  `table` may be "ids" as well, which is no parquet.
        Raises `DatasetError` that names the sources there are where `source` is none of them.
        """
        sources = self.manifest.sources
        if source is not None and source not in sources:
            raise DatasetError(
                f"no source {source!r} in version {self.number} of the dataset; "
                f"it has: {', '.join(sources) or 'none'}"
            )
        names = sources if source is None else [source]
        return [
            self.path / table / file.name for name in names for file in sources[name].files.get(table, ())
        ]

    def damage(self, sources: Sequence[str] | None = None) -> list[str]:
        """Files that are gone or of another size, a sentence each; quick, looks into no file."""
        wrong = []
        for path, expected in self._files(sources):
            try:
                size = path.stat().st_size
            except PermissionError:  # the quarantine is its owner's; others read the rest
                continue
            except FileNotFoundError:
                wrong.append(f"{path}: is not there")
            else:
                if size != expected.size:
                    wrong.append(f"{path}: {size:,} bytes, {expected.size:,} were published")
        return wrong

    def verify(self, sources: Sequence[str] | None = None) -> list[str]:
        """What is wrong with the files, a sentence each; empty when every byte is as published.

        Of all sources, or of those that are named.
        """
        wrong = self.damage(sources)
        for path, expected in self._files(sources):
            if path.exists() and hash_file(path) != expected.sha256:
                wrong.append(f"{path}: its bytes are not the published ones (SHA-256 differs)")
        return wrong

    def _files(self, sources: Sequence[str] | None) -> Iterator[tuple[Path, FileState]]:
        for name, state in self.manifest.sources.items():
            if sources is not None and name not in sources:
                continue
            for folder, files in state.files.items():
                for file in files:
                    yield self.path / folder / file.name, file


def open_version(path: Path) -> Version:
    try:
        raw = (path / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: is gone: it was pruned since, or never whole; open the dataset again"
        ) from None
    return Version(path, decode_manifest(raw, path / MANIFEST))


def is_whole(path: Path) -> bool:
    """Whether a version that was never pointed to has all that its manifest tells of."""
    try:
        return not open_version(path).damage()
    except NewerError:
        raise
    except DatasetError:
        return False


def folder_name(number: int) -> str:
    """
    >>> folder_name(42)
    '000042'
    """
    return f"{number:06}"
