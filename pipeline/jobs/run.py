"""A run of a source: take its new and changed files, annotate their posts, publish them in one step.

What a source has taken in is read from the manifest of the version it builds on, so state and rows cannot
disagree.  A run that finds nothing new opens neither gazetteer nor tables.
"""

# ruff: noqa: PLC0415  what only a run with work to do needs is imported by such a run
from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline import __version__, readers
from pipeline.config import Config, Source, cache_folder, is_url, key_file
from pipeline.data import digest as tables_digest
from pipeline.errors import (
    ConfigError,
    DatasetError,
    ExportError,
    LockedError,
    MarsadError,
    ShrinkError,
    Stopped,
)
from pipeline.jobs.books import Tally, settle, total
from pipeline.jobs.engine import BATCH_SIZE, Batch, Engine, Limits, annotator, cores, open_engine, toolkit
from pipeline.jobs.gate import Gate
from pipeline.jobs.intake import (
    check_some_read,
    choose_readers,
    folder_of,
    gaps,
    missing,
    reading_of,
    rows_of,
    wholeness,
)
from pipeline.jobs.keys import Ring, open_ring
from pipeline.jobs.people import Key
from pipeline.jobs.progress import Progress, Watch, noting
from pipeline.jobs.status import process
from pipeline.jobs.suppression import Suppression, list_file, open_suppression
from pipeline.jobs.tidy import tidy
from pipeline.records import Post, Rejection, Settings
from pipeline.storage.dataset import Dataset, Writer
from pipeline.storage.ledger import Ledger
from pipeline.storage.manifest import SCHEMA_VERSION, Books, Input, Period, SourceState

if TYPE_CHECKING:
    from pipeline.jobs.fetching import Fetcher, Found
    from pipeline.storage.stage import StageResult

_log = logging.getLogger(__name__)

_KEPT = "nothing was published, the rows there were stay (--force publishes)"

Kind = Literal["run", "rerun", "replay"]
State = Literal["published", "unchanged", "tried", "failed"]


class Outcome(Struct, frozen=True, kw_only=True):
    """What a run did to one source."""

    source: str
    kind: Kind
    state: State  # tried: a dry run
    run_id: str | None = None
    version: int | None = None  # that this run published
    files: int = 0  # read
    books: Books = Books()
    faults: int = 0  # posts on which a bug of ours was met; they are kept without mentions
    posts: int = 0  # rows that the source has now
    places: int = 0
    dates: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()  # what an operator should know though the run went well
    error: str | None = None
    too_many_rejected: bool = False  # more than the source expects
    exit_code: int = 0  # 3: that, or files that are not whole or missing


class Options(Struct, frozen=True, kw_only=True):
    """How to run; the same for all sources of a call."""

    kind: Kind = "run"
    dry: bool = False  # read and annotate, write nothing
    force: bool = False  # publish although the source shrinks more than it may
    period: Period | None = None  # rerun: replace the rows of these days only, by the source's clock
    reasons: frozenset[str] = frozenset()  # replay: only files with rows that were rejected for one of these
    watch: Watch | None = None


class _File(Struct, frozen=True):
    """An export on disk, as it was when its fingerprint was taken."""

    path: Path
    name: str  # relative to the configuration's folder
    sha256: str
    stat: tuple[int, int, int]  # size, mtime in ns, inode
    siblings: tuple[str, ...] = ()  # names of the source's files in the same folder, itself among them

    @property
    def size(self) -> int:
        return self.stat[0]


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The code of a whole command: 1 where a run failed, else 2, else 3, else 0.

    >>> exit_code([Outcome(source="a", kind="run", state="failed", exit_code=c) for c in (0, 3, 2)])
    2
    """
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in (1, 2, 3) if code in codes), 0)


def run(config: Config, names: Sequence[str] = (), options: Options = Options()) -> Iterator[Outcome]:  # noqa: B008
    """Run the named sources (all without names), one after the other, in the order of the configuration.

    An outcome is given for every source as soon as it is settled; one that fails does not stop the others.
    Raises `ConfigError` for a name that is no source and, before anything is begun, for a pattern that
    matches nothing in a source that was never taken in; where the files of a known source have vanished,
    that source fails and its rows stay.  Raises `LockedError` where somebody else writes the dataset and
    there is work to do, and lets `Stopped` through after everything half done is put away.
    """
    sources = config.select(names)
    with ExitStack() as stack:
        session = _Session(config, options, stack)
        session.check_files(sources)
        session.tidy(sources)
        for source in sources:
            yield session.outcome(source)


class _Session:
    """What the sources of one call share: the engine and the lock, opened by the first that needs them."""

    def __init__(self, config: Config, options: Options, stack: ExitStack) -> None:
        self.config = config
        self.options = options
        self._stack = stack
        self._dataset = Dataset(config.dataset)
        self._ledger = Ledger(config.dataset)
        self._started = ""  # when the source under way was begun
        self._begun: str | None = None  # the run id that the ledger has as started
        self._watch: Watch | None = None  # told how far the source under way is
        self._notes: tuple[str, ...] = ()  # of what was done before the first source
        self._found: dict[str, Found] = {}  # the exports on stores, by name

    def check_files(self, sources: Sequence[Source]) -> None:
        """Raise `ConfigError` for the patterns that never matched a file: a slip in the configuration."""
        known: Mapping[str, SourceState] = {}
        with suppress(DatasetError):  # a pointer that a killed writer left is mended when the lock is taken
            current = self._dataset.current()
            known = current.manifest.sources if current else {}
        problems = []
        for source in sources:
            if source.name not in known:
                try:
                    self.config.find_files(source)
                except ConfigError as wrong:
                    problems.append(str(wrong))
        if problems:
            raise ConfigError("\n".join(problems))

    def tidy(self, sources: Sequence[Source]) -> None:
        """Finish what a killed `forget` began, and take out rows that are older than they are kept."""
        if not self.options.dry:
            self._notes = tidy(self.config, self._dataset, sources, lambda: self._writer)

    def outcome(self, source: Source) -> Outcome:
        """Run one source; what is wrong with it becomes the outcome's error."""
        start = time.monotonic()
        self._started = datetime.now(UTC).isoformat()
        self._begun = None
        try:
            with self._watching() as self._watch:
                outcome = self._run(source)
        except LockedError:
            raise
        except MarsadError as refused:
            outcome = self._failed(source, str(refused), refused.exit_code)
        except BaseException as end:
            event = "interrupted" if isinstance(end, Stopped | KeyboardInterrupt) else "failed"
            with suppress(DatasetError):  # a disk that refuses must not hide what happened first
                self._record(event, self._failed(source, str(end) or type(end).__name__, 1))
            raise
        notes, self._notes = (*outcome.notes, *self._notes), ()
        outcome = replace(outcome, seconds=round(time.monotonic() - start, 3), notes=notes)
        self._record("failed" if outcome.state == "failed" else "finished", outcome)
        return outcome

    def _watching(self) -> AbstractContextManager[Watch | None]:
        if self.options.dry:
            return nullcontext(self.options.watch)
        return noting(self.config.dataset, self.options.kind, self.options.watch)

    def _failed(self, source: Source, error: str, code: int) -> Outcome:
        rows = None
        with suppress(MarsadError):
            rows = self._state(source)
        outcome = self._outcome(source, rows, state="failed", error=error, exit_code=code)
        return replace(outcome, run_id=self._begun or outcome.run_id)

    def _run(self, source: Source) -> Outcome:
        files, moving = self._files(source)
        state = self._state(source)
        new = self._new(files, state)
        if not new:
            notes = (*self._stale(source, state), *_deferred(moving))
            return self._outcome(source, state, state="unchanged", notes=notes)
        if self._watch:  # before the gazetteer is opened, which at the first time takes a while
            self._watch(Progress(source.name, len(new), 0, sum(file.size for file in new), 0, 0))
        if self.options.dry:
            changed = self._fetch(new)
            return self._try(self._gate(source, state), [file for file in new if file.name not in changed])
        base = self._writer.base  # what another process may have published until we held the lock
        state = base.manifest.sources.get(source.name) if base else None
        gate = self._gate(source, state)
        deferred = set(moving)
        while True:
            new = [file for file in self._new(files, state) if file.name not in deferred]
            if not new:  # every file changed while it was read, or a killed run had done the work
                return self._outcome(source, state, state="unchanged", notes=_deferred(deferred))
            if moved := self._fetch(new):
                deferred |= moved
                continue
            try:
                return self._publish(gate, new, state, notes=_deferred(deferred))
            except _ChangedError as changed:
                deferred.add(changed.name)

    def _files(self, source: Source) -> tuple[list[_File], set[str]]:
        """The exports of a source, and the names of those that changed while they were fetched."""
        files = _files(self.config.find_files(source), self.config.folder)
        if not any(map(is_url, source.files)):
            return files, set()
        from pipeline.jobs.fetching import listed

        found = listed(self.config, source)
        moving = self._fetcher.fetch([one for one in found if self._fetcher.known(one) is None])
        there = [one for one in found if one.url not in moving]
        self._found |= {one.url: one for one in there}
        names: dict[str, list[str]] = {}
        for one in there:
            names.setdefault(folder_of(one.url), []).append(self._fetcher.path(one.url).name)
        for one in there:
            path, sha256 = self._fetcher.path(one.url), self._fetcher.known(one)
            assert sha256 is not None
            copy = (one.size, 0, 0)  # where it was cleared away, `_fetch` brings it back
            beside = tuple(sorted(names[folder_of(one.url)]))
            files.append(_File(path, one.url, sha256, copy, beside))
        return sorted(files, key=lambda file: file.name), moving

    def _fetch(self, files: Sequence[_File]) -> set[str]:
        """See to it that there are copies of what is on stores; the names of those that changed since."""
        wanted = [self._found[file.name] for file in files if file.name in self._found]
        return self._fetcher.fetch(wanted) if wanted else set()

    @cached_property
    def _fetcher(self) -> Fetcher:
        from pipeline.jobs.fetching import open_fetcher

        fetcher = open_fetcher(self.config)
        self._stack.callback(fetcher.close)
        return fetcher

    def _key(self, source: Source, state: SourceState | None) -> Key | None:
        """The key of a source: where its rows stay, the one that they were made with, so that all join.

        A new source, and a rerun of all its files, take the current one.
        """
        if source.authors == "keep":
            return None
        replaced = state is None or (self.options.kind == "rerun" and self.options.period is None)
        made_with = None if replaced or state is None else self._ring.find(state.settings.get("key_id"))
        return made_with or self._ring.current

    @cached_property
    def _ring(self) -> Ring:
        return open_ring(key_file())

    def _gate(self, source: Source, state: SourceState | None) -> Gate:
        return Gate(source, self._key(source, state), self._suppression, datetime.now(UTC))

    @cached_property
    def _suppression(self) -> Suppression | None:
        return open_suppression(key_file(), self._ring) if list_file(key_file()).exists() else None

    def _new(self, files: Sequence[_File], state: SourceState | None) -> list[_File]:
        """The files to read: in a rerun all, in a replay those with rejected rows, else what is new."""
        if self.options.kind == "replay":
            wanted = self._rejecting(state)
            return [file for file in files if file.name in wanted]
        if self.options.kind == "rerun" or state is None:
            return list(files)
        taken = {known.name: known.sha256 for known in state.inputs}
        return [file for file in files if taken.get(file.name) != file.sha256]

    def _rejecting(self, state: SourceState | None) -> set[str]:
        """The files of a source that hold rejected rows, of the wanted reasons."""
        from pipeline.storage.pieces import batches

        current = self._dataset.current()
        if state is None or current is None or not state.rejected:
            return set()
        name = next(name for name, known in current.manifest.sources.items() if known == state)
        reasons = self.options.reasons
        return {
            file
            for path in current.files("rejected", name)
            for rows in batches(path, "rejected")
            for file, reason in zip(rows["file"].to_pylist(), rows["reason"].to_pylist(), strict=True)
            if not reasons or reason in reasons
        }

    def _try(self, gate: Gate, files: Sequence[_File]) -> Outcome:
        """A dry run: the whole way of the posts, but into no store; a post seen twice counts as duplicate."""
        from pipeline.storage.upsert import post_keys

        source = gate.source
        chosen = self._readers(source, files)
        flow = _Flow(gate, files, chosen, watch=self._watch, reject=_forget)
        seen: set[int] = set()
        posts = places = dates = faults = 0
        for encoded in self._engine.map(flow.batches(self._run_id(gate, files, chosen, None))):
            posts += encoded.posts
            seen.update(post_keys(encoded.sights))
            places += encoded.place_count
            dates += encoded.date_count
            faults += encoded.faults
        books = Books(
            read=sum(tally.read for tally in flow.tallies.values()),
            written=len(seen),
            duplicate=posts - len(seen),
            rejected=flow.rejected,
            nonposts=sum(tally.nonposts for tally in flow.tallies.values()),
            forgotten=sum(tally.forgotten for tally in flow.tallies.values()),
            expired=sum(tally.expired for tally in flow.tallies.values()),
        )
        books.check(source.name)
        return Outcome(
            source=source.name,
            kind=self.options.kind,
            state="tried",
            files=len(files),
            books=books,
            faults=faults,
            posts=len(seen),
            places=places,
            dates=dates,
            notes=gaps((), missing(chosen, (), ())),
            too_many_rejected=_rejected_code(source, books) == 3,
            exit_code=3 if any(t.lost for t in flow.tallies.values()) else _rejected_code(source, books),
        )

    def _readers(self, source: Source, files: Sequence[_File]) -> dict[str, readers.Choice]:
        limits = self.config.limits.as_readers
        exports = [
            readers.Export(file.path, file.name, file.sha256, limits=limits, siblings=file.siblings)
            for file in files
        ]
        return choose_readers(exports, source.reader, tuple(source.columns.values()))

    def _publish(
        self,
        gate: Gate,
        files: Sequence[_File],
        state: SourceState | None,
        *,
        notes: tuple[str, ...],
    ) -> Outcome:
        source = gate.source
        keep = state is not None and (self.options.kind != "rerun" or self.options.period is not None)
        chosen = self._readers(source, files)
        self._engine.prepare()
        run_id = self._run_id(gate, files, chosen, state.run_id if keep and state else None)
        begun = Outcome(
            source=source.name, kind=self.options.kind, state="failed", run_id=run_id, files=len(files)
        )
        self._begun = run_id
        self._record("started", begun, inputs=_first_seen(files, chosen))
        stage = self._writer.stage(
            source.name,
            run_id,
            keep_rows=keep,
            drop_files={file.name for file in files},
            period=self.options.period if keep else None,
            grown=_grown(files, state) if state and self.options.kind == "run" else frozenset(),
        )
        try:
            flow = _Flow(gate, files, chosen, watch=self._watch, reject=stage.reject)
            for encoded in self._engine.map(flow.batches(run_id)):
                stage.add(encoded)
            result = stage.finish()
            if self.options.kind == "replay" and state and _same(result, state):
                stage.abandon()
                told = f"{state.rejected} rows are rejected as before"
                return self._outcome(source, state, state="unchanged", notes=(*notes, told))
            books = settle(flow.tallies, result.by_file)
            whole = total(books.values(), source.name)
            if not self.options.force:
                _guard(source, result.posts, state.posts if state else 0)
            kept = state if keep else None
            inputs = _inputs(files, chosen, books, flow.tallies, kept)
            absent = missing(chosen, kept.inputs if kept else (), kept.missing if kept else ())
            version = self._writer.publish(
                source.name,
                result,
                inputs,
                at=datetime.now(UTC),
                code_version=__version__,
                tables_digest=tables_digest(),
                gazetteer_digest=self._gazetteer_digest(),
                zone=source.zone,
                settings=self._settings(source, gate.key),
                missing=absent,
            )
        except BaseException:
            stage.abandon()
            raise
        return replace(
            begun,
            state="published",
            version=version.number,
            books=whole,
            faults=result.faults,
            posts=result.posts,
            places=result.places,
            dates=result.dates,
            notes=(*notes, *_withheld(whole), *gaps((one for one in inputs if one.name in chosen), absent)),
            too_many_rejected=_rejected_code(source, whole) == 3,
            exit_code=3
            if absent or any(t.lost for t in flow.tallies.values())
            else _rejected_code(source, whole),
        )

    def _outcome(self, source: Source, rows: SourceState | None, **facts: Any) -> Outcome:
        """An outcome that left the source's rows as they were."""
        return Outcome(
            source=source.name,
            kind=self.options.kind,
            run_id=rows.run_id if rows else None,
            posts=rows.posts if rows else 0,
            places=rows.places if rows else 0,
            dates=rows.dates if rows else 0,
            **facts,
        )

    def _state(self, source: Source) -> SourceState | None:
        try:
            current = self._dataset.current()
        except DatasetError:
            if self.options.dry:
                raise
            current = self._writer.base  # opening it mends what a killed writer left
        return current.manifest.sources.get(source.name) if current else None

    def _stale(self, source: Source, state: SourceState | None) -> tuple[str, ...]:
        """Why the rows there are would be others if they were made now."""
        if state is None:
            return ()
        changed = []
        if state.code_version != __version__:
            changed.append(f"marsad {state.code_version} made them")
        if state.tables_digest != tables_digest():
            changed.append("the word tables have changed")
        key = None if source.authors == "keep" else self._ring.current
        now, then = self._settings(source, key), state.settings
        other = sorted(name for name in now | then if now.get(name) != then.get(name))
        if other:
            changed.append(f"its settings have changed ({', '.join(other)})")
        return (f"its rows are older: {', '.join(changed)}; marsad rerun {source.name}",) if changed else ()

    def _record(self, event: str, outcome: Outcome, **more: Any) -> None:
        if self.options.dry:
            return
        now = datetime.now(UTC).isoformat()
        facts = {
            "event": event,
            "at": now,
            "started": self._started,
            **process(),
            **msgspec.to_builtins(outcome),
            **more,
        }
        self._ledger.append(facts)
        told = {"source": outcome.source, "run": outcome.run_id, "rows": outcome.books.read}
        _log.log(logging.ERROR if event == "failed" else logging.INFO, "%s", event, extra=told)

    def _run_id(
        self,
        gate: Gate,
        files: Sequence[_File],
        chosen: Mapping[str, readers.Choice],
        base: str | None,
    ) -> str:
        """Equal for equal input, tables, settings and code: then the rows are the same bytes.

        `base` is the run whose rows stay beside this run's, None where none do.
        """
        decides = [
            gate.source.name,
            [[file.name, file.sha256, chosen[file.name].name] for file in files],
            base,
            __version__,
            SCHEMA_VERSION,
            tables_digest(),
            self._gazetteer_digest(),
            self._settings(gate.source, gate.key),
            *gate.marks,
        ]
        return hashlib.sha256(msgspec.json.encode(decides, order="sorted")).hexdigest()[:16]

    def _settings(self, source: Source, key: Key | None) -> dict[str, Any]:
        """What of the configuration decides the rows."""
        told = source.model_dump(mode="json", exclude={"name", "files", "schedule", "expect", "retention"})
        if not told["mask"]:
            del told["mask"]
        limits = self.config.limits.model_dump(exclude_defaults=True)
        if limits:
            told["limits"] = limits
        layers = [
            layer.name for layer in self.config.gazetteer.layer_files()
        ]  # their content is in the digest
        region = {"home": list(self.config.gazetteer.home), "layers": layers}
        detector = self.config.language.detector
        if self.config.places.recognizers:
            told["recognizers"] = list(map(str, self.config.places.recognizers))
        return {**told, "key_id": key.key_id if key else None, "gazetteer": region, "language": detector}

    def _gazetteer_digest(self) -> str:
        return toolkit(self._toolkit_settings).gazetteer.digest

    @cached_property
    def _toolkit_settings(self) -> Settings:
        gazetteer = self.config.gazetteer
        layers = tuple(map(str, gazetteer.layer_files()))
        models = tuple(map(str, self.config.places.recognizers))
        return Settings(str(cache_folder()), gazetteer.home, layers, self.config.language.detector, models)

    @cached_property
    def _engine(self) -> Engine:
        engine = self.config.engine
        limits = Limits(engine.batch_seconds, engine.worker_memory * 2**20)
        settings = self._toolkit_settings
        opened: Engine
        if engine.kind == "dask":
            from pipeline.jobs.engine_dask import Cluster

            count = cores() if engine.workers == "auto" else engine.workers
            opened = Cluster(settings, engine.address, count, limits)
        else:
            opened = open_engine(engine.kind, engine.workers, partial(annotator, settings), limits)
        self._stack.callback(opened.close)
        return opened

    @cached_property
    def _writer(self) -> Writer:
        return self._stack.enter_context(self._dataset.writer(f"marsad {self.options.kind}"))


def _same(result: StageResult, state: SourceState) -> bool:
    """Whether a replay brought nothing new."""
    return result.written == 0 and result.quarantined == state.rejected


class _ChangedError(Exception):
    """A file is not any more what its fingerprint says."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Flow:
    """The rows of some files on their way to the engine, counted where they come out of the readers."""

    def __init__(
        self,
        gate: Gate,
        files: Sequence[_File],
        chosen: Mapping[str, readers.Choice],
        *,
        watch: Watch | None,
        reject: Callable[[Sequence[Rejection]], object],
    ) -> None:
        self.tallies: dict[str, Tally] = {}
        self.rejected = 0
        self._gate = gate
        self._source = gate.source
        self._files = files
        self._chosen = chosen
        self._watch = watch
        self._reject = reject
        self._refused: list[Rejection] = []

    def batches(self, run_id: str) -> Iterator[Batch]:
        """The posts in batches; rejections go to the quarantine on the way."""
        posts: list[Post] = []
        for post in self._posts():
            posts.append(post)
            if len(posts) == BATCH_SIZE:
                yield Batch(run_id, self._source.as_group, self._gate.protected(posts))
                posts = []
        if posts:
            yield Batch(run_id, self._source.as_group, self._gate.protected(posts))
        self._hand_over()

    def _posts(self) -> Iterator[Post]:
        reading = reading_of(self._source)
        size = sum(file.size for file in self._files)
        size_done = 0
        for done, file in enumerate(self._files):
            tally = self.tallies[file.name] = Tally()
            for item in rows_of(self._chosen[file.name], reading, tally):
                if self._watch and tally.read % BATCH_SIZE == 0:
                    self._tell(done, size, size_done)
                if not self._gate.admits(item, tally):
                    continue
                if isinstance(item, Post):
                    yield item
                elif isinstance(item, Rejection):
                    self.rejected += 1
                    self._refused.append(item)
                    if len(self._refused) == BATCH_SIZE:
                        self._hand_over()
            if (
                not is_url(file.name)
                and _stat(file.path) != file.stat
                and readers.fingerprint(file.path) != file.sha256
            ):
                raise _ChangedError(file.name)
            size_done += file.size
            self._tell(done + 1, size, size_done)
        check_some_read(self.tallies)

    def _hand_over(self) -> None:
        if self._refused:
            self._reject(self._gate.refused(self._refused))
            self._refused = []

    def _tell(self, files_done: int, size: int, size_done: int) -> None:
        if self._watch:
            rows = sum(tally.read for tally in self.tallies.values())
            self._watch(Progress(self._source.name, len(self._files), files_done, size, size_done, rows))


def _files(paths: Sequence[Path], folder: Path) -> list[_File]:
    names = [Path(os.path.relpath(path, folder)).as_posix() for path in paths]
    beside: dict[str, list[str]] = {}
    for name, path in zip(names, paths, strict=True):
        beside.setdefault(folder_of(name), []).append(path.name)
    together = {where: tuple(sorted(found)) for where, found in beside.items()}
    return [_file(path, name, together[folder_of(name)]) for path, name in zip(paths, names, strict=True)]


def _file(path: Path, name: str, siblings: tuple[str, ...]) -> _File:
    try:
        stat = _stat(path)  # before the fingerprint: a change while it is taken shows afterwards
        return _File(path, name, readers.fingerprint(path), stat, siblings)
    except OSError as refused:
        raise ExportError(f"{name}: cannot be read: {refused.strerror}") from refused


def _grown(files: Sequence[_File], state: SourceState) -> frozenset[str]:
    """The exports that begin with all the bytes that they had when they were taken in.

    By this version of the program only: another one may have taken other things for posts.
    """
    if state.code_version != __version__:
        return frozenset()
    known = {one.name: one for one in state.inputs}
    return frozenset(
        file.name
        for file in files
        if (before := known.get(file.name)) is not None
        and 0 < before.size < file.size
        and _hash_of_start(file.path, before.size) == before.sha256
    )


def _hash_of_start(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size and (piece := file.read(min(size, 1 << 20))):
            digest.update(piece)
            size -= len(piece)
    return digest.hexdigest()


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (-1, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def _inputs(
    files: Sequence[_File],
    chosen: Mapping[str, readers.Choice],
    books: Mapping[str, Books],
    tallies: Mapping[str, Tally],
    kept: SourceState | None,
) -> tuple[Input, ...]:
    """All files that the rows are from: these, and those taken in by earlier runs."""
    inputs = {known.name: known for known in kept.inputs} if kept else {}
    for file in files:
        inputs[file.name] = Input(
            name=file.name,
            sha256=file.sha256,
            size=file.size,
            reader=chosen[file.name].name,
            books=books[file.name],
            state=wholeness(tallies[file.name], books[file.name].written + books[file.name].duplicate),
        )
    return tuple(inputs[name] for name in sorted(inputs))


def _first_seen(files: Sequence[_File], chosen: Mapping[str, readers.Choice]) -> list[dict[str, Any]]:
    """What the ledger says of the exports when they are met: the chain of custody begins here."""
    return [
        {"name": file.name, "sha256": file.sha256, "size": file.size, "reader": chosen[file.name].name}
        for file in files
    ]


def _withheld(books: Books) -> tuple[str, ...]:
    """What was kept out for the sake of people."""
    told = ((books.forgotten, "were forgotten"), (books.expired, "are older than they are kept"))
    return tuple(f"{count:,} rows {why} and were kept out" for count, why in told if count)


def _forget(_rejections: Sequence[Rejection]) -> None:
    """Where a dry run's rejections go."""


def _guard(source: Source, posts: int, before: int) -> None:
    """Raise `ShrinkError` where the source would hold fewer posts than it expects."""
    expect = source.expect
    if expect.min_posts is not None and posts < expect.min_posts:
        raise ShrinkError(
            f"{source.name}: {posts:,} posts, expect.min_posts is {expect.min_posts:,}; {_KEPT}"
        )
    if before and 1 - posts / before > expect.max_shrink:
        raise ShrinkError(
            f"{source.name}: {posts:,} posts where there were {before:,}, {1 - posts / before:.0%} less, "
            f"expect.max_shrink is {expect.max_shrink:.0%}; {_KEPT}"
        )


def _rejected_code(source: Source, books: Books) -> int:
    """3 where more of the rows were rejected than the source expects."""
    return 3 if books.read and books.rejected / books.read > source.expect.max_rejected else 0


def _deferred(names: set[str]) -> tuple[str, ...]:
    return tuple(
        f"{name} changed while it was read; it is taken in by the next run" for name in sorted(names)
    )
