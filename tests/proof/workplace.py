"""A folder with exports, a configuration and a dataset, in which `marsad run` has work to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load

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
State = tuple[tuple[str, str], ...]  # source and the run that its rows are from


class Workplace:
    """Call `make` once, then `fresh` before every trial: one version is published, new exports have come."""

    def __init__(self, folder: Path, cache: Path, kind: str = "serial") -> None:
        self.folder = folder / "place"
        self.kept = folder / "kept"
        self.dataset = self.folder / "data"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MARSAD_")},
            "MARSAD_CACHE": str(cache),
            "MARSAD_KEY_FILE": str(folder / "key"),
            "MARSAD_GAZETTEER": str(folder / "layers"),
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "0",
            "NO_COLOR": "1",
        }
        self.kind = kind
        self.before: State = ()
        self.done: State = ()

    def make(self) -> None:
        samples = ROOT / "samples"
        for source in ("ghab", "mosul"):
            (self.folder / "exports" / source).mkdir(parents=True)
        (self.folder / "config.yaml").write_text(CONFIG.format(kind=self.kind), encoding="utf-8")
        shutil.copy(samples / "ghab_telegram" / "result.json", self.folder / "exports" / "ghab")
        rows = (samples / "mosul_forum" / "mosul_forum_2016_2017.tsv").read_bytes().splitlines(keepends=True)
        mosul = self.folder / "exports" / "mosul" / "forum.tsv"
        mosul.write_bytes(b"".join(rows[: len(rows) // 2]))
        self.expect(0)
        self.before = self.state()
        shutil.copy(samples / "ghab_telegram" / "result_later.json", self.folder / "exports" / "ghab")
        mosul.write_bytes(b"".join(rows))
        self.copy(self.folder, self.kept)
        self.expect(0)
        self.done = self.state()
        assert all(old != new for old, new in zip(self.before, self.done, strict=True))

    def published(self, state: State) -> bool:
        """Whether each source is as it was or as it is to be; where one is refused, the next is still run."""
        return all(one in both for one, *both in zip(state, self.before, self.done, strict=True))

    def fresh(self) -> None:
        """As before the second run."""
        self.copy(self.kept, self.folder)

    @staticmethod
    def copy(one: Path, other: Path) -> None:
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(one, other, symlinks=True)

    def start(self, *words: str, under: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*under, sys.executable, "-m", "pipeline", "run", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, *words: str, under: tuple[str, ...] = ()) -> tuple[int, str]:
        """The exit code of `marsad run` and what it said."""
        with self.start(*words, under=under) as process:
            _, said = process.communicate(timeout=300)
        return process.returncode, said

    def expect(self, code: int, *words: str) -> None:
        found, said = self.run(*words)
        assert found == code, said

    def state(self) -> State:
        """What readers see, after every row of it was read and every byte verified.  Raises where that fails."""
        version = Dataset(self.dataset).current()
        assert version is not None, "no version"
        assert version.verify() == [], version.verify()
        loaded = load(self.dataset)
        posts = loaded.posts(columns=["source", "post_id", "text"])
        assert posts.post_id.is_unique, "a post stands twice"
        mentioned = set(loaded.places(columns=["post_id"]).post_id) | set(
            loaded.dates(columns=["post_id"]).post_id
        )
        assert mentioned <= set(posts.post_id), "mentions of posts that are not there"
        sources = version.manifest.sources
        for name, source in sources.items():
            assert (posts.source == name).sum() == source.posts, f"{name} is not whole"
        return tuple((name, sources[name].run_id) for name in sorted(sources))

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in (self.dataset / "versions").iterdir() if path.name[0] == ".")
