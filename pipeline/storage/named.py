"""The places that a version mentions, by id or by name in any spelling.

Names are looked up among the places of the dataset itself, so that the answer does not depend on the
gazetteer that is installed where the dataset is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipeline.errors import ConfigError, DatasetError
from pipeline.places.keys import is_arabic, k0, k1, k2, names_words, readings
from pipeline.places.names import clean_names
from pipeline.places.sounds import best_likeness
from pipeline.storage.dataset import Version

IDENTITY: Final = ("place_id", "name", "name_ar", "name_en")  # what a place can be called by
_COLUMNS: Final = [*IDENTITY, "feature", "admin1", "admin2", "country"]
_BATCH: Final = 1 << 16
_LEAST: Final = 0.82  # likeness of sound below which a name is another name
_MARGIN: Final = 0.01  # as far below the most similar name as another may be


class QueryError(ConfigError, DatasetError):
    """A filter, column or name that the dataset has no answer to: the call is wrong, the dataset is well."""


_Forms = dict[str, list[tuple[str, str]]]


class Named:
    """Look-up of places in one version; what it has to read for that it reads once."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._likely = lru_cache(maxsize=256)(self._spelled)

    @cached_property
    def table(self) -> pa.Table:
        """Every place that is mentioned, with the number of mentions, the most frequent first."""
        files = [str(path) for path in self._version.files("places")]
        found = [_no_names()]
        if files:
            format_ = ds.ParquetFileFormat(dictionary_columns=_COLUMNS)
            mentions = ds.dataset(files, schema=_dictionaries(), format=format_)
            for batch in mentions.to_batches(columns=_COLUMNS, batch_size=_BATCH, fragment_readahead=1):
                counts = pa.table(batch).group_by(_COLUMNS, use_threads=False).aggregate([([], "count_all")])
                plain = [counts[name].cast(pa.string()) for name in _COLUMNS]
                found.append(pa.table([*plain, counts["count_all"]], schema=found[0].schema))
        sums = pa.concat_tables(found).group_by(_COLUMNS, use_threads=False).aggregate([("mentions", "sum")])
        counted = sums.select([*_COLUMNS, "mentions_sum"]).rename_columns([*_COLUMNS, "mentions"])
        return counted.sort_by([("mentions", "descending"), ("place_id", "ascending")])

    def condition(self, wanted: str, mentions: Any, within: Any) -> Any:
        """The condition on the table of places for a place_id or a name.

        The exact id or name, in any of the columns, is what is meant where a mention bears it; only where
        none in the version does, other spellings are looked for.  `mentions` and `within`, a dataset and a
        filter of it, are looked at first, because to read all names takes longer.
        Raises `QueryError` where nothing in the version is called so.
        """
        exact = is_called(wanted)
        found = exact if within is None else exact & within
        if mentions.scanner(columns=["place_id"], filter=found).head(1).num_rows:
            return exact
        ids = self._likely(wanted)
        return exact if ids is None else pc.field("place_id").isin(pa.array(ids, pa.string()))

    def find(self, wanted: str) -> pa.Table:
        """The rows of `table` that `wanted` means, as `condition` understands it; empty where none."""
        rows = self.table
        exact = rows.filter(is_called(wanted))
        if len(exact):
            return exact
        best = self._by_spelling(wanted)
        return rows.filter(pc.field("place_id").isin(pa.array(best, pa.string())))

    def _spelled(self, wanted: str) -> tuple[str, ...] | None:
        """Ids of the places that `wanted` means; None where one is called exactly so."""
        if len(self.table.filter(is_called(wanted))):
            return None
        ids = self._by_spelling(wanted)
        if not ids:
            names = [name for column in IDENTITY[1:] for name in self.table[column].to_pylist() if name]
            near = ", ".join(map(repr, get_close_matches(wanted, list(dict.fromkeys(names)), 3)))
            raise QueryError(
                f"no place {wanted!r} in version {self._version.number} of the dataset"
                + (f"; did you mean {near}?" if near else "")
            )
        return ids

    def _by_spelling(self, wanted: str) -> tuple[str, ...]:
        """Ids of the places with the same letters, else of those that sound most alike."""
        words = names_words([wanted])[0]
        if not words:
            return ()
        letters, by_k1, by_k2 = self._keys
        same = letters.get(k0(words), ())
        if same:
            return tuple(sorted(set(same)))
        ways = readings(words)
        query = " ".join(words)
        spelled = [] if is_arabic(words[0]) else [k1(way) for way in ways]
        for keys, by_key in ((spelled, by_k1), ([k2(way) for way in ways], by_k2)):
            near: dict[str, float] = {}
            for place_id, form in (pair for key in keys for pair in by_key.get(key, ())):
                near[place_id] = max(near.get(place_id, 0.0), best_likeness(query, [form]))
            best = max(_LEAST, max(near.values(), default=0.0) - _MARGIN)
            ids = tuple(sorted(one for one, likeness in near.items() if likeness >= best))
            if ids:
                return ids
        return ()

    @cached_property
    def _keys(self) -> tuple[dict[str, list[str]], _Forms, _Forms]:
        """Ids by letters; ids with the folded name by romanisation and by skeleton."""
        pairs = list(_forms(self.table))
        folded = names_words([name for _, name in pairs])
        letters: dict[str, list[str]] = {}
        by_k1: _Forms = {}
        by_k2: _Forms = {}
        for (place_id, _), words in zip(pairs, folded, strict=True):
            if not words:
                continue
            letters.setdefault(k0(words), []).append(place_id)
            form = (place_id, " ".join(words))
            for way in readings(words):
                if not is_arabic(words[0]):
                    by_k1.setdefault(k1(way), []).append(form)
                by_k2.setdefault(k2(way), []).append(form)
        return letters, by_k1, by_k2


def is_called(wanted: str) -> Any:
    """The condition that a mention's place has this id, or exactly this name in one of its columns."""
    same = [pc.field(name) == wanted for name in IDENTITY]
    return same[0] | same[1] | same[2] | same[3]


def _forms(places: pa.Table) -> Iterator[tuple[str, str]]:
    """(place_id, name) of every name of every place."""
    columns: list[Sequence[str | None]] = [places[name].to_pylist() for name in IDENTITY]
    for place_id, *names in zip(*columns, strict=True):
        raw = [name for name in names if name]
        for name in dict.fromkeys([*raw, *clean_names(raw)]):
            yield str(place_id), name


def _no_names() -> pa.Table:
    names = [(name, pa.string()) for name in _COLUMNS]
    return pa.schema([*names, ("mentions", pa.int64())]).empty_table()


def _dictionaries() -> pa.Schema:
    return pa.schema([(name, pa.dictionary(pa.int32(), pa.string())) for name in _COLUMNS])
