"""A folder with exports, a configuration and a dataset, in which a command has work to do."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from pipeline.jobs.keys import open_ring
from pipeline.storage.dataset import Dataset, Version
from pipeline.storage.frames import load
from tests.proof.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
engine: {{kind: {kind}, workers: 2}}
gazetteer: {{home: [SY, IQ]}}
sources:
  - {{name: ghab, files: exports/ghab/*.json, zone: Asia/Damascus, home: SY, authors: pseudonym}}
  - name: mosul
    reader: table
    files: exports/mosul/*.tsv
    columns: {{id: رقم, text: النص, posted_at: الوقت, author_name: الكاتب}}
    time_format: "%Y-%m-%d %H:%M"
    delimiter: tab
    encoding: windows-1256
    zone: Asia/Baghdad
    group: mosul
"""
SEGMENT_ROWS = 40  # posts in a file at most, so that a few hundred posts are several segments
START = f"""\
from pipeline.storage import segments
segments.SEGMENT_ROWS = {SEGMENT_ROWS}
from pipeline.cli import main
main()
"""
ONCE_LATE = "2016-10-17 08:00", "17.10.2016 08:00"  # a time as the configuration does not expect it
State = tuple[tuple[str, str], ...]  # source, and the bytes of its rows


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True)
class Act:
    """A command that is broken: what comes before it, and what the next calls are after it was killed."""

    name: str
    prepare: Callable[[Workplace], None]
    words: tuple[str, ...] = ("run",)
    after: tuple[tuple[str, ...], ...] = (("run",),)  # what is owed is finished by these
    code: int = 0  # of the command when all is well
    forgets: bool = False  # whoever wrote most posts: nothing is to be left of them in any version


class Workplace:
    """Call `make` once, then `fresh` before every trial: then the act has its work to do."""

    def __init__(self, folder: Path, cache: Path, kind: str = "serial", act: Act | None = None) -> None:
        self.folder = folder / "place"
        self.kept = folder / "kept"
        self.dataset = self.folder / "data"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MARSAD_")},
            "MARSAD_CACHE": str(cache),
            "MARSAD_KEY_FILE": str(self.folder / "secret" / "key"),
            "MARSAD_GAZETTEER": str(folder / "layers"),
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "0",
            "NO_COLOR": "1",
        }
        self.kind = kind
        self.act = act or MORE
        self.before: State = ()
        self.done: State = ()
        self.gone = ""  # the author who is forgotten

    def make(self) -> None:
        for source in ("ghab", "mosul"):
            (self.folder / "exports" / source).mkdir(parents=True)
        self.configure()
        open_ring(self.folder / "secret" / "key")  # one key for all trials: rows hang on it
        self.add_first_exports()
        self.act.prepare(self)
        self.before = self.state()
        self.gone = self.author() if self.act.forgets else ""
        self.copy(self.folder, self.kept)
        self.expect(self.act.code, *self.act.words)
        self.done = self.state()
        assert self.before != self.done, f"{self.act.name} has nothing to do"
        assert not self.holding()

    def configure(self, more: str = "") -> None:
        config = CONFIG.format(kind=self.kind) + more
        (self.folder / "config.yaml").write_text(config, encoding="utf-8")

    def add_first_exports(self) -> None:
        shutil.copy(SAMPLES / "ghab_telegram" / "result.json", self.folder / "exports" / "ghab")
        rows = self._forum().splitlines(keepends=True)
        self.forum.write_bytes(b"".join(rows[: len(rows) // 2]))

    def add_more_exports(self) -> None:
        """A second export that overlaps the first, with edits, and a file that has grown."""
        shutil.copy(SAMPLES / "ghab_telegram" / "result_later.json", self.folder / "exports" / "ghab")
        self.forum.write_bytes(self._forum())

    def spoil(self) -> None:
        """A row whose time the configuration does not know."""
        known, other = (time.encode("windows-1256") for time in ONCE_LATE)
        content = self.forum.read_bytes()
        assert known in content
        self.forum.write_bytes(content.replace(known, other, 1))

    @property
    def forum(self) -> Path:
        return self.folder / "exports" / "mosul" / "forum.tsv"

    @staticmethod
    def _forum() -> bytes:
        return (SAMPLES / "mosul_forum" / "mosul_forum_2016_2017.tsv").read_bytes()

    def age(self) -> None:
        """Let all versions but the newest be of ten days ago."""
        for number in Dataset(self.dataset).versions()[:-1]:
            path = self.dataset / "versions" / f"{number:06}" / "manifest.json"
            manifest = json.loads(path.read_bytes())
            manifest["created"] = (datetime.now(UTC) - timedelta(days=10)).isoformat()
            path.write_text(json.dumps(manifest), encoding="utf-8")

    def published(self, state: State) -> bool:
        """Whether each source is as it was or as it is to be; where one is refused, the next is still run."""
        before, done = dict(self.before), dict(self.done)
        names = before.keys() | done.keys()
        return dict(state).keys() <= names and all(
            dict(state).get(name) in (before.get(name), done.get(name)) for name in names
        )

    def fresh(self) -> None:
        """As before the act."""
        self.copy(self.kept, self.folder)

    @staticmethod
    def copy(one: Path, other: Path) -> None:
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(one, other, symlinks=True)

    def start(self, *words: str, under: Sequence[str] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*under, sys.executable, "-c", START, *(words or ("run",))],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, *words: str, under: Sequence[str] = ()) -> tuple[int, str]:
        """The exit code of a command and what it said."""
        with self.start(*words, under=under) as process:
            _, said = process.communicate(timeout=300)
        return process.returncode, said

    @cached_property
    def warm(self) -> Warm:
        self.fresh()
        return Warm(self.folder, SEGMENT_ROWS, self.environment)

    def expect(self, code: int, *words: str) -> None:
        found, said = self.run(*words)
        assert found == code, said

    def state(self) -> State:
        """What readers see, after every row of it was read and every byte of every version verified.

        Raises where that fails.
        """
        dataset = Dataset(self.dataset)
        version = dataset.current()
        if version is None:
            return ()
        for number in dataset.versions():
            wrong = dataset.version(number).verify()
            assert wrong == [], wrong
        loaded = load(self.dataset)
        posts = loaded.posts(columns=["source", "post_id", "text"])
        assert posts.post_id.is_unique, "a post stands twice"
        mentioned = set(loaded.places(columns=["post_id"]).post_id) | set(
            loaded.dates(columns=["post_id"]).post_id
        )
        assert mentioned <= set(posts.post_id), "mentions of posts that are not there"
        for name, source in version.manifest.sources.items():
            assert (posts.source == name).sum() == source.posts, f"{name} is not whole"
        return tuple((name, _digest(version, name)) for name in sorted(version.manifest.sources))

    def holding(self) -> list[int]:
        """The versions with posts of the author who is forgotten."""
        if not self.gone:
            return []
        dataset = Dataset(self.dataset)
        return [
            number
            for number in dataset.versions()
            if (
                load(self.dataset, version=number).posts(columns=["author_key"]).author_key == self.gone
            ).any()
        ]

    def author(self) -> str:
        """Who wrote most posts."""
        return str(load(self.dataset).posts(columns=["author_key"]).author_key.value_counts().index[0])

    def leftovers(self) -> list[str]:
        """What only a writer at work may leave about."""
        found = [path.name for path in (self.dataset / "versions").iterdir() if path.name[0] == "."]
        found += [path.name for path in self.dataset.iterdir() if path.name in {".forget", ".forget-new"}]
        return sorted(found)


def _digest(version: Version, name: str) -> str:
    state = version.manifest.sources[name]
    tables = {table: [file.sha256 for file in files] for table, files in sorted(state.files.items())}
    return sha256(json.dumps([state.run_id, tables]).encode()).hexdigest()[:12]


def _first(place: Workplace) -> None:
    place.add_more_exports()


def _more(place: Workplace) -> None:
    place.expect(0)
    place.add_more_exports()


def _grown(place: Workplace) -> None:
    _more(place)
    place.expect(0)


def _refused(place: Workplace) -> None:
    place.spoil()
    place.expect(0)
    config = (place.folder / "config.yaml").read_text(encoding="utf-8")
    config = config.replace('    time_format: "%Y-%m-%d %H:%M"\n', "    day_order: dmy\n")
    (place.folder / "config.yaml").write_text(config, encoding="utf-8")


def _old(place: Workplace) -> None:
    _grown(place)
    place.age()
    days = (datetime.now(UTC) - datetime(2015, 9, 1, tzinfo=UTC)).days
    config = (place.folder / "config.yaml").read_text(encoding="utf-8")
    kept = f"authors: pseudonym, retention: {{posts: {days}d}}"
    (place.folder / "config.yaml").write_text(config.replace("authors: pseudonym", kept), encoding="utf-8")


SAMPLES = ROOT / "samples"
MORE = Act("a run with new exports", _more)
AUTHOR = "user7001"  # as the export has whoever wrote most posts
ACTS = {
    "first": Act("the first run", _first),
    "more": MORE,
    "rerun": Act("rerun", _grown, ("rerun", "ghab"), (("rerun", "ghab"),)),
    "replay": Act("replay", _refused, ("rejected", "replay", "mosul"), (("rejected", "replay", "mosul"),)),
    "forget": Act("forget", _grown, ("forget", AUTHOR), (("run",), ("forget", AUTHOR)), forgets=True),
    "prune": Act("prune with a retention", _old, ("prune",)),
}
