"""The one writer of a dataset: stages, publishing in one step, going back, clearing away."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from pipeline.errors import DatasetError
from pipeline.storage.durable import (
    link_file,
    point,
    sync_folder,
    telling,
    write_file,
)
from pipeline.storage.manifest import (
    FOLDERS,
    MANIFEST,
    SCHEMA_VERSION,
    Input,
    Manifest,
    Period,
    SourceState,
    encode_manifest,
)
from pipeline.storage.version import Version, folder_name, open_version

if TYPE_CHECKING:
    from pipeline.storage.dataset import Dataset
    from pipeline.storage.stage import Stage, StageResult

KEEP: Final = timedelta(hours=24)  # a version that was replaced less than this ago may be read by somebody


class Writer:
    """The one writer of a dataset; `Dataset.writer` opens it."""

    def __init__(self, dataset: Dataset, base: Version | None) -> None:
        self.base = base  # the version that the next publish builds on
        self._dataset = dataset
        self._folder = dataset.root / "versions"
        self._stages: list[Stage] = []

    def stage(
        self,
        source: str,
        run_id: str,
        *,
        keep_rows: bool,
        drop_files: AbstractSet[str] = frozenset(),
        period: Period | None = None,
        grown: AbstractSet[str] = frozenset(),
    ) -> Stage:
        """A stage for the rows of one run of `source`.

        `keep_rows` true (run): earlier rows of the source stay, and the run's rows are upserted.  False
        (rerun): the run's rows replace all.  `drop_files` names inputs whose earlier rejections are
        superseded, because this run reads them again.  With `keep_rows`, the earlier rows of the days of
        `period`, by the source's clock, do not stay, nor do posts of the exports in `grown` that this run
        does not see again: such an export begins with the bytes that it had, so they are posts that its old
        end had cut off.
        Raises `ValueError` for a source or run id that cannot be part of a file name, and for a second
        stage of a source.
        """
        for name in (source, run_id):
            if not re.fullmatch(r"[^\W_][\w-]*", name):
                raise ValueError(f"{name!r}: letters, digits, _ and - only, and a letter or digit first")
        if any(stage.source == source and stage.folder.exists() for stage in self._stages):
            raise ValueError(f"source {source!r} is being staged already")
        state = None if self.base is None else self.base.manifest.sources.get(source)
        earlier = None
        from pipeline.storage.stage import Earlier, Stage  # noqa: PLC0415  Arrow, which few runs need

        if self.base is not None and state is not None and keep_rows:
            earlier = Earlier(self.base.path, state)
        folder = self._folder / f".stage-{source}"
        earlier_posts = 0 if state is None else state.posts
        try:
            stage = Stage(
                folder,
                source,
                run_id,
                earlier=earlier,
                earlier_posts=earlier_posts,
                drop_files=drop_files if keep_rows else None,
                period=period,
                grown=grown if keep_rows else frozenset(),
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._stages.append(stage)
        return stage

    def publish(
        self,
        source: str,
        result: StageResult,
        inputs: tuple[Input, ...],
        *,
        at: datetime,
        code_version: str,
        tables_digest: str,
        gazetteer_digest: str,
        zone: str | None = None,
        settings: dict[str, Any] | None = None,
        missing: tuple[str, ...] = (),
    ) -> Version:
        """Make the finished stage of `source` visible, in one step, beside the unchanged other sources.

        `result` is what the stage's `finish` gave.  `inputs` are all files that the source's rows are from,
        earlier ones included.  `at` is aware; it is the publishing time in the manifest and decides which
        old versions are pruned.
        Raises `DatasetError` where the disk refuses; then the version before stands.
        """
        stage = next((one for one in self._stages if one.result is result and one.source == source), None)
        if stage is None:
            raise ValueError(f"no finished stage of {source!r} with this result")
        if at.tzinfo is None:
            raise ValueError("the time of publishing must be aware")
        state = SourceState(
            run_id=result.run_id,
            inputs=tuple(sorted(inputs, key=lambda one: one.name)),
            files=result.files,
            posts=result.posts,
            places=result.places,
            dates=result.dates,
            rejected=result.quarantined,
            published=at.astimezone(UTC),
            code_version=code_version,
            tables_digest=tables_digest,
            gazetteer_digest=gazetteer_digest,
            zone=zone,
            settings=settings or {},
            missing=missing,
        )
        earlier = {} if self.base is None else self.base.manifest.sources
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            number=self._next_number(),
            created=at.astimezone(UTC),
            code_version=code_version,
            tables_digest=tables_digest,
            gazetteer_digest=gazetteer_digest,
            sources=dict(sorted({**earlier, source: state}.items())),
        )
        origins = {} if self.base is None else {other: self.base for other in earlier if other != source}
        return self._make_visible(stage.folder, manifest, origins, at)

    def restore(self, version: Version, source: str | None = None, *, at: datetime) -> Version:
        """Publish once more what `version` holds: of one source, the others as they are now, or of all.

        The dataset gets a new version; none is taken away.  Raises `DatasetError` where the source is not in
        `version`, its files there are damaged, or the disk refuses.
        """
        states = version.manifest.sources
        wanted = list(states) if source is None else [source]
        for name in wanted:
            version.files("posts", name)  # names the sources there are, where this is none of them
        damage = version.verify(wanted)
        if damage:
            raise DatasetError(f"version {version.number} is damaged: {'; '.join(damage)}")
        base = self.base or version
        kept = {} if source is None else {name: base for name in base.manifest.sources if name != source}
        origins = dict(sorted({**kept, **dict.fromkeys(wanted, version)}.items()))
        manifest = replace(
            base.manifest,
            schema_version=SCHEMA_VERSION,
            number=self._next_number(),
            created=at.astimezone(UTC),
            sources={name: origin.manifest.sources[name] for name, origin in origins.items()},
        )
        folder = self._folder / ".stage-@restored"  # no source has this name
        try:
            with telling(folder, "restore"):
                for table in FOLDERS:
                    (folder / table).mkdir(0o700 if table == "rejected" else 0o777, parents=True)
            return self._make_visible(folder, manifest, origins, at)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def replace_sources(self, folder: Path, states: Mapping[str, SourceState], *, at: datetime) -> Version:
        """Publish the current version with other files of some sources, which stand in `folder` by table.

        Raises `DatasetError` where the disk refuses; then the version before stands.
        """
        assert self.base is not None, "nothing was published yet"
        manifest = replace(
            self.base.manifest,
            number=self._next_number(),
            created=at.astimezone(UTC),
            sources={**self.base.manifest.sources, **states},
        )
        origins = {name: self.base for name in manifest.sources if name not in states}
        return self._make_visible(folder, manifest, origins, at)

    def _next_number(self) -> int:
        return max(self._dataset.numbers_on_disk(), default=0) + 1

    def _make_visible(
        self, folder: Path, manifest: Manifest, origins: Mapping[str, Version], at: datetime
    ) -> Version:
        """Complete a folder with the files of the sources in `origins`, and let it be the current version."""
        path = self._folder / folder_name(manifest.number)
        try:
            with telling(path, "publish"):
                manifest = _complete(folder, manifest, origins)
                folder.rename(path)
                sync_folder(self._folder)
                point(self._dataset.root / "current", f"versions/{path.name}")
        except BaseException:
            self._withdraw(path)
            raise
        self.base = Version(path, manifest)
        try:
            sync_folder(self._dataset.root)
        except OSError as refused:
            raise DatasetError(
                f"{self._dataset.root}: version {manifest.number} is published, but the disk does not "
                f"confirm it: {refused}; look at that disk"
            ) from refused
        with suppress(DatasetError):  # what cannot be removed now is tried again by the next publish
            self.prune(at)
        return self.base

    def prune(self, at: datetime, keep: timedelta = KEEP) -> list[int]:
        """Remove versions that were replaced more than `keep` before `at`; the numbers of those removed.

        What was current less than 24 hours ago stays whatever `keep` says, and so do the current version
        and the one before it.
        """
        current = self._dataset.current()
        numbers = (
            [] if current is None else [n for n in self._dataset.numbers_on_disk() if n <= current.number]
        )
        removed = []
        for number, following in pairwise(numbers[:-1]):
            replaced = open_version(self._folder / folder_name(following)).manifest.created
            if at - replaced > max(keep, KEEP):
                with telling(self._folder / folder_name(number), "remove an old version"):
                    _remove(self._folder / folder_name(number))
                    self._dataset.note_of(number).unlink(missing_ok=True)
                removed.append(number)
        return removed

    def close(self) -> None:
        """Throw away the stages that were not published."""
        for stage in self._stages:
            stage.abandon()

    def _withdraw(self, path: Path) -> None:
        """After a failed publish: a version without a pointer must not be taken up later."""
        self.base = self._dataset.current()
        if path.exists() and (self.base is None or self.base.path != path.resolve()):
            with suppress(OSError):
                _remove(path)


def _complete(folder: Path, manifest: Manifest, origins: Mapping[str, Version]) -> Manifest:
    """Make a folder a whole version, durable, under a name that nobody reads yet; its manifest.

    The files of the sources in `origins` are the same bytes as there, unless they are of an older schema.
    """
    states = dict(manifest.sources)
    for source, origin in origins.items():
        if origin.manifest.schema_version < SCHEMA_VERSION:
            from pipeline.storage.migrate import migrate  # noqa: PLC0415  Arrow, which few runs need here

            states[source] = migrate(origin.path, states[source], source, folder)
            continue
        for table, files in states[source].files.items():
            for file in files:
                link_file(origin.path / table / file.name, folder / table / file.name)
    manifest = replace(manifest, sources=states)
    for table in FOLDERS:
        sync_folder(folder / table)
    write_file(folder / MANIFEST, encode_manifest(manifest))
    sync_folder(folder)
    return manifest


def _remove(path: Path) -> None:
    """Take a version out of sight in one step, then clear it away."""
    gone = path.with_name(f".gone-{path.name}")
    path.rename(gone)
    shutil.rmtree(gone)
