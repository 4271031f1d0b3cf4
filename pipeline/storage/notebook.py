"""A version of the dataset as a notebook has it: the tables, and faces for people."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import DatasetError
from pipeline.storage.dataset import Dataset
from pipeline.storage.dataset import Version as StoredVersion
from pipeline.storage.diff import SourceDiff
from pipeline.storage.diff import diff as compare
from pipeline.storage.frames import Loaded, load
from pipeline.storage.mentions import Mentions
from pipeline.storage.query import Filters

_LOOK = ["posts", "places", "dates", "rejected"]


class VersionNumber(int):
    """The number of a version, to be cited; called with another number it opens that version."""

    _folder: Path

    @classmethod
    def of(cls, version: StoredVersion) -> VersionNumber:
        number = cls(version.number)
        number._folder = version.path.parent.parent
        return number

    def __call__(self, number: int) -> OpenDataset:
        """Another version of the same dataset.  Raises `DatasetError` where it is not there."""
        return open_dataset(self._folder, number)


class OpenDataset(Loaded):
    """One version of a dataset; every table comes from it, whatever is published meanwhile.

    `posts`, `places` and `dates` give tables (see `Loaded` for their filters), `geo` a GeoDataFrame.
    `version` is the number to cite, and `version(41)` opens another one.
    """

    version: VersionNumber

    def __init__(self, version: StoredVersion) -> None:
        super().__init__(version)
        self.version = VersionNumber.of(version)

    def mentions(self, post_id: str) -> Mentions:
        """A post with its places and dates marked in its words; hover over them for candidates and EDTF.

        Raises `DatasetError` where there is no such post.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for table in ("posts", "places", "dates"):
            found[table] = self.rows(table, Filters(post_id=(post_id,))).table().to_pylist()
        if not found["posts"]:
            raise DatasetError(f"no post {post_id!r} in version {self.version} of the dataset")
        return Mentions(found["posts"][0], found["places"], found["dates"])

    def diff(self, old: int, new: int | None = None, most: int = 1000) -> Diff:
        """What differs between two versions, row by row, and why; `new` is this one where it is not given.

        At most `most` rows of each source, table and kind are listed; the counts are whole.
        """
        dataset = Dataset(self._version.path.parent.parent)
        after = self._version if new is None else dataset.version(new)
        return Diff(old, after.number, compare(dataset.version(old), after, most=most))

    def _repr_html_(self) -> str:
        states = self.manifest.sources
        rows = "".join(
            f'<tr><td style="text-align:start"><bdi>{escape(name)}</bdi></td>'
            + "".join(f"<td>{count:,}</td>" for count in _counts(state))
            + f"<td>{state.published:%Y-%m-%d %H:%M} UTC</td></tr>"
            for name, state in states.items()
        )
        totals = [sum(column) for column in zip(*map(_counts, states.values()), strict=True)] or [0] * 4
        head = "".join(f"<th>{name}</th>" for name in ["source", *_LOOK, "published"])
        sums = "".join(f"<th>{count:,}</th>" for count in totals)
        return (
            f"<div><b>marsad dataset, version {self.version}</b>, published "
            f"{self.manifest.created:%Y-%m-%d %H:%M} UTC by marsad {escape(self.manifest.code_version)}"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
            f"<tfoot><tr><th>all</th>{sums}<th></th></tr></tfoot></table></div>"
        )


class Diff:
    """What differs between two versions of a dataset."""

    def __init__(self, old: int, new: int, sources: list[SourceDiff]) -> None:
        self.old = old
        self.new = new
        self.sources = sources

    @property
    def summary(self) -> pd.DataFrame:
        """Counts by source and table, where something differs: added, changed, gone, and why."""
        rows = [
            [one.source, table, kinds["added"], kinds["changed"], kinds["gone"], "; ".join(one.causes)]
            for one in self.sources
            for table, kinds in one.counts.items()
            if any(kinds.values())
        ]
        return pd.DataFrame(rows, columns=["source", "table", "added", "changed", "gone", "why"])

    @property
    def rows(self) -> pd.DataFrame:
        """The rows: kind is added, changed or gone; old and new are of the first changed column."""
        rows = [
            [
                row.source, row.table, row.kind, row.key, ", ".join(row.columns), row.old, row.new,
                "; ".join(one.causes),
            ]
            for one in self.sources
            for row in one.rows
        ]  # fmt: skip
        names = ["source", "table", "kind", "key", "columns", "old", "new", "why"]
        return pd.DataFrame(rows, columns=names)

    def __repr__(self) -> str:
        told = self.summary.to_string(index=False) if len(self.summary) else "nothing differs"
        return f"versions {self.old} and {self.new}\n{told}"

    def _repr_html_(self) -> str:
        if self.summary.empty:
            return f"<div>versions {self.old} and {self.new}: nothing differs</div>"
        with pd.option_context("display.max_colwidth", None):
            return f"<div>versions {self.old} and {self.new}{self.summary.to_html(index=False)}</div>"


def open_dataset(root: str | Path = "data", version: int | None = None) -> OpenDataset:
    """The dataset in the folder `root`: its current version, or the one asked for, resolved here and once.

    Raises `DatasetError` as `storage.frames.load` does.
    """
    return OpenDataset(load(root, version)._version)


def _counts(state: Any) -> tuple[int, int, int, int]:
    return state.posts, state.places, state.dates, state.rejected
