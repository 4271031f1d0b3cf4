"""The files of a folder or of an archive, one after the other."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError

LARGEST_FILE: Final = 1 << 30  # bytes, unpacked; a country's table has a tenth of it


def members(path: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file with one of these endings in a folder, zip, tar, or by itself, by name.

    Nothing is unpacked to disk.  Raises `ConfigError` where the archive is cut off or of an unknown form.
    """
    name = path.name.lower()
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and file.name.endswith(endings):
                    yield str(file), file.read_bytes()
        elif not path.exists():
            raise ConfigError(f"{path} is not there")
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for info in sorted(archive.infolist(), key=lambda one: one.filename):
                    if info.filename.endswith(endings) and not info.is_dir():
                        _check_size(f"{path}: {info.filename}", info.file_size)
                        yield f"{path}: {info.filename}", archive.read(info)
        elif ".tar" in name or name.endswith((".tgz", ".tbz2")):
            with tarfile.open(path, "r|*") as bundle:
                for entry in bundle:
                    if entry.isfile() and entry.name.endswith(endings):
                        _check_size(f"{path}: {entry.name}", entry.size)
                        file_object = bundle.extractfile(entry)
                        if file_object is not None:
                            yield f"{path}: {entry.name}", file_object.read()
        elif name.endswith(endings):
            yield str(path), path.read_bytes()
        elif name.endswith(".zip"):
            raise ConfigError(f"{path} is not a whole zip archive; was its download cut off?")
        else:
            raise ConfigError(f"{path}: neither a folder nor an archive (zip, tar, tar.bz2, tar.gz, tar.xz)")
    except tarfile.ReadError as wrong:
        unknown = name.endswith(".zst") and "not be opened" in str(wrong)
        mend = "unpack it first: zstd -d" if unknown else "was its download cut off?"
        raise ConfigError(f"{path} cannot be read as an archive ({wrong}); {mend}") from wrong
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as wrong:
        raise ConfigError(f"{path} cannot be read to its end ({wrong}); was its download cut off?") from wrong


def _check_size(name: str, size: int) -> None:
    if size > LARGEST_FILE:
        raise ConfigError(f"{name}: {size:,} bytes unpacked; more than {LARGEST_FILE:,} are not read")
