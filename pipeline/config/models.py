"""What config.yaml may say: one class for each set of keys, one field for each key with its meaning."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.config.checks import (
    as_several,
    as_words,
    check_address,
    check_country,
    check_layer,
    check_megabytes,
    check_seconds,
    check_url,
    check_workers,
    in_folder,
    is_url,
    nearest,
)
from pipeline.config.folders import gazetteer_folder
from pipeline.config.source import Dates, Model, Source, Text
from pipeline.config.yaml_tree import Key
from pipeline.errors import ConfigError
from pipeline.readers import Limits
from pipeline.records import REGION_OF_INTEREST

NO_LAYERS: Final = "default"  # the package's own places only
Layer = Annotated[str, BeforeValidator(check_layer)]
Country = Annotated[Text, AfterValidator(check_country)]
Location = Annotated[Path, BeforeValidator(in_folder)]


class Engine(Model):
    """Where the work is done."""

    kind: Literal["serial", "processes", "dask"] = Field(
        default="processes",
        description="`processes` annotates in several processes, so that a post that kills one costs "
        "itself only; "
        "`serial` does everything in one; `dask` annotates on the workers of a Dask cluster.",
        examples=["serial"],
    )
    address: Annotated[Text, AfterValidator(check_address)] | None = Field(
        default=None,
        description="Only of `dask`: where its scheduler is; without it, a cluster of `workers` processes "
        "is started on this machine for the run.",
        examples=["tcp://scheduler.example.org:8786"],
    )
    workers: Annotated[Literal["auto"] | int, BeforeValidator(check_workers)] = Field(
        default="auto",
        description="Processes that annotate, 1 to 256; `auto` is the number of processors.",
        examples=[4],
    )
    batch_seconds: Annotated[float, BeforeValidator(check_seconds)] = Field(
        default=60.0,
        description="A worker that takes longer for one batch hangs, and is replaced.",
        examples=[120],
    )
    worker_memory: Annotated[int, BeforeValidator(check_megabytes)] = Field(
        default=2000,
        description="Megabytes that a worker may take beyond what it opens at its start.",
        examples=[1000],
    )


class LanguageOptions(Model):
    """How languages are told."""

    detector: Literal["langdetect", "lingua", "pycld2"] = Field(
        default="langdetect",
        description="What is asked where letters and words do not decide; the others are extras.",
        examples=["lingua"],
    )


class Gazetteer(Model):
    """Region of interest and the user's own place tables."""

    home: Annotated[tuple[Country, ...], BeforeValidator(as_several)] = Field(
        default=REGION_OF_INTEREST,
        description="Countries that the posts are about: small places are known there, and preferred; "
        "no filter.",
        examples=[["SY", "LB", "IQ", "TR"]],
    )
    layers: Annotated[tuple[Layer, ...], BeforeValidator(as_several)] = Field(
        default=(),
        description="Which added places are used: names of layers as `marsad gazetteer list` shows "
        "them, `default` "
        "for none, and paths of tables. Without it all that were added.",
        examples=[["whosonfirst", "our_places.csv"]],
    )
    folder: Location | None = Field(
        default=None,
        description="Where added layers are kept, instead of the user's folder for data.",
        examples=["layers"],
    )

    def layer_files(self, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
        """The files of the layers that are used besides the package's own, tables first.

        All added layers are used, unless `layers` names some of them, or `default` for none.  Raises
        `ConfigError` where a named one was not added.
        """
        from pipeline.places.layers import layer_name, layers_in  # noqa: PLC0415  heavy, for runs only

        added = {layer_name(path): path for path in layers_in(self.folder or gazetteer_folder(environment))}
        tables = tuple(Path(layer) for layer in self.layers if Path(layer).is_absolute())
        named = [layer for layer in self.layers if not Path(layer).is_absolute()]
        if not named:
            return (*tables, *added.values())
        chosen: list[Path] = []
        for name in named:
            of_group = [path for own, path in added.items() if own == name or own.startswith(f"{name}-")]
            if not of_group and name != NO_LAYERS:
                known = [*added, NO_LAYERS]
                told = f"{name!r} was not added{nearest(name, known)}"
                raise ConfigError(f"gazetteer.layers: {told}; added are: {', '.join(added) or 'none'}")
            chosen += of_group
        return (*tables, *dict.fromkeys(chosen))


class PlacesOptions(Model):
    """How names of places are found."""

    recognizers: Annotated[tuple[Location, ...], BeforeValidator(as_several)] = Field(
        default=(),
        description="Folders of spaCy or transformers models that find names besides our own rules.",
        examples=[["models/arabic_ner"]],
    )


class ReadingLimits(Model):
    """What is taken from one export file at most: a hostile one is refused before the memory ends."""

    archive_ratio: Annotated[int, Field(strict=True, ge=2)] = Field(
        default=Limits().archive_ratio,
        description="Unpacked bytes for one packed byte; looked at from 64 MB unpacked on.",
        examples=[1000],
    )
    archive_members: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=Limits().archive_members, description="Files in one archive.", examples=[1000]
    )
    archive_bytes: Annotated[int, Field(strict=True, ge=1 << 20)] = Field(
        default=Limits().archive_bytes, description="Unpacked bytes of one file.", examples=[10_000_000_000]
    )
    nesting: Annotated[int, Field(strict=True, ge=1, le=8)] = Field(
        default=Limits().nesting,
        description="Packings around one another; a zip in a zip is always refused.",
        examples=[1],
    )
    record_bytes: Annotated[int, Field(strict=True, ge=1 << 12)] = Field(
        default=Limits().record_bytes, description="Bytes of one row, message or line.", examples=[1_000_000]
    )
    json_depth: Annotated[int, Field(strict=True, ge=4, le=500)] = Field(
        default=Limits().json_depth, description="Levels of JSON inside JSON.", examples=[32]
    )

    @property
    def as_readers(self) -> Limits:
        """The same as the readers take them."""
        return Limits(**self.model_dump())


class Mail(Model):
    """Where a mail about failed runs goes, and by which server."""

    to: Annotated[tuple[Text, ...], BeforeValidator(as_several), Field(min_length=1)] = Field(
        description="Who gets the mail.", examples=["operators@example.org"]
    )
    sender: Text = Field(
        default="marsad@localhost", description="Who it is from.", examples=["marsad@example.org"]
    )
    host: Text = Field(default="localhost", description="The mail server.", examples=["mail.example.org"])
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = Field(
        default=25, description="Its port.", examples=[587]
    )
    tls: bool = Field(default=False, description="Whether to speak STARTTLS.", examples=[True])
    user: Text | None = Field(
        default=None, description="The user; the password is in `MARSAD_MAIL_PASSWORD`.", examples=["marsad"]
    )

    @property
    def password(self) -> str | None:
        """From the environment, `MARSAD_MAIL_PASSWORD`; a configuration holds no secrets."""
        return os.environ.get("MARSAD_MAIL_PASSWORD")


class OnFailure(Model):
    """Who is told of runs that failed."""

    command: Annotated[tuple[Text, ...], BeforeValidator(as_words), Field(min_length=1)] | None = Field(
        default=None,
        description="A program that is started with the failures as JSON on its stdin; no shell.",
        examples=["/usr/local/bin/tell-us"],
    )
    webhook: Annotated[Text, AfterValidator(check_url)] | None = Field(
        default=None,
        description="An address that gets the same by POST.",
        examples=["https://hooks.example.org/marsad"],
    )
    mail: Mail | None = Field(
        default=None, description="A mail with the same.", examples=[{"to": "operators@example.org"}]
    )


class Remote(Model):
    """What is fetched from stores."""

    cache_bytes: Annotated[int, Field(strict=True, ge=1 << 20)] = Field(
        default=20_000_000_000,
        description="Bytes that the copies of exports at URLs may take on this machine, at most.",
        examples=[100_000_000_000],
    )


class Config(Model):
    """A whole configuration.  Paths are absolute."""

    dataset: Location = Field(
        default=Path("data"),
        validate_default=True,
        description="Folder of the dataset.",
        examples=["out/dataset"],
    )
    engine: Engine = Field(default=Engine(), description="Where the work is done.", examples=[{"workers": 4}])
    gazetteer: Gazetteer = Field(
        default=Gazetteer(),
        description="Region of interest, and added places.",
        examples=[{"home": ["SY", "LB"]}],
    )
    language: LanguageOptions = Field(
        default=LanguageOptions(), description="How languages are told.", examples=[{"detector": "lingua"}]
    )
    places: PlacesOptions = Field(
        default=PlacesOptions(),
        description="How names of places are found.",
        examples=[{"recognizers": ["models/ner"]}],
    )
    limits: ReadingLimits = Field(
        default=ReadingLimits(),
        description="What is taken from one file at most.",
        examples=[{"json_depth": 32}],
    )
    remote: Remote = Field(
        default=Remote(),
        description="What is fetched from stores such as S3.",
        examples=[{"cache_bytes": 100_000_000_000}],
    )
    on_failure: OnFailure = Field(
        default=OnFailure(),
        description="Who is told of runs that failed.",
        examples=[{"command": "notify-send marsad"}],
    )
    metrics: Location | None = Field(
        default=None,
        description="OpenMetrics text file that is written after each run.",
        examples=["/var/lib/node_exporter/marsad.prom"],
    )
    dates: Dates = Field(
        default=Dates(),
        description="How dates are written, of every source that does not say otherwise.",
        examples=[{"profile": "recall"}],
    )
    sources: Annotated[tuple[Source, ...], Field(min_length=1)] = Field(
        description="What is read.", examples=[[{"name": "north", "files": "exports/north/*.json"}]]
    )
    _path: Path = Path("config.yaml")
    _lines: Mapping[Key, int] = {}

    @property
    def path(self) -> Path:
        """The file that this was read from, absolute."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder from which relative paths count."""
        return self._path.parent

    def select(self, names: Sequence[str]) -> list[Source]:
        """The sources of these names in the file's order; all of them where no name is given.

        Raises `ConfigError` that names every unknown one.
        """
        known = [source.name for source in self.sources]
        unknown = [f"{name!r}{nearest(name, known)}" for name in names if name not in known]
        if unknown:
            message = f"no source {', '.join(unknown)}; the sources are: {', '.join(known)}"
            raise ConfigError(f"{self.path.name}: {message}".replace("?;", "?"))
        return [source for source in self.sources if not names or source.name in names]

    def where(self, source: Source, key: str) -> str:
        """`config.yaml:12: sources[0].files`, for messages about a value that proved wrong later."""
        index = self.sources.index(source)
        line = self._lines.get(("sources", index, key), 1)
        return f"{self.path.name}:{line}: sources[{index}].{key} ({source.name})"

    def find_files(self, source: Source) -> list[Path]:
        """The files of a source on this machine, sorted, each once; those at URLs are no paths.

        Raises `ConfigError` where one of its patterns matches no file.
        """
        found: set[Path] = set()
        problems = []
        for pattern in source.files:
            if is_url(pattern):
                continue
            folder, rest = _split_pattern(self.folder, pattern)
            hidden = Path(rest).name.startswith(".")  # what syncing programs leave is not meant by a *
            named = folder.glob(rest) if folder.is_dir() else ()
            matches = {path for path in named if path.is_file() and (hidden or path.name[0] != ".")}
            inside = folder.resolve()
            problems += [
                f"{self.where(source, 'files')}: {path.name} is a link that leads out of {folder}; put the "
                "file there, or name the folder where it is"
                for path in sorted(matches)
                if not path.resolve().is_relative_to(inside)
            ]
            found |= matches
            if not matches:
                problems.append(
                    f"{self.where(source, 'files')}: no file matches {pattern!r} in {_holding(folder)}"
                )
        if problems:
            raise ConfigError("\n".join(problems))
        return sorted(found)


def _split_pattern(folder: Path, pattern: str) -> tuple[Path, str]:
    """The folder in front of the first wildcard, and the rest of the pattern."""
    parts = Path(pattern).expanduser().parts
    plain = next((at for at, part in enumerate(parts) if set("*?[") & set(part)), len(parts) - 1)
    return folder.joinpath(*parts[:plain]), str(Path(*parts[plain:]))


def _holding(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}, which is not a folder"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{folder} (files there: {', '.join(names[:5]) or 'none'}{more})"
