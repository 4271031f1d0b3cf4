"""A table as CSV: RFC 4180 in UTF-8 with a byte order mark, which is how Excel knows that it is UTF-8.

Texts are always quoted, so that an empty text (`""`) and an unknown one (nothing) stay apart; numbers, times
and truth values are not.  What a spreadsheet may run is made harmless (`cells.harmless`).
"""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.storage.export.cells import NUL_SHOWN, harmless, is_text, plain, risky, without_nul
from pipeline.storage.export.streams import Note, Stream, Watch


def write_csv(path: Path, table: Stream, watch: Watch, *, raw: bool = False) -> tuple[int, list[Note]]:
    """Write the table; the number of its rows, and what was changed in them.

    `raw` leaves formulas as they are, for programs that run none.
    """
    rows = treated = nuls = 0
    with path.open("wb") as file:
        file.write(codecs.BOM_UTF8)
        file.write(",".join(f'"{name}"' for name in table.schema.names).encode() + b"\r\n")
        for batch in table.batches():
            cells = []
            for field, column in zip(table.schema, batch.columns, strict=True):
                texts = plain(column)
                if is_text(field.type):
                    texts, held = without_nul(texts)
                    nuls += held
                    if not raw:
                        treated += pc.sum(risky(texts)).as_py() or 0
                        texts = harmless(texts)
                    texts = _quoted(texts)
                cells.append(_written(texts))
            lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
            file.write("\r\n".join(lines.to_pylist()).encode() + b"\r\n")
            rows += len(batch)
            watch(table.name, rows)
    notes = []
    if treated:
        notes.append(
            Note(table.name, f"{treated:,} cells that a spreadsheet may run begin with an apostrophe")
        )
    if nuls:
        notes.append(Note(table.name, f"{nuls:,} cells hold {NUL_SHOWN} for each NUL"))
    return rows, notes


def _quoted(texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")


def _written(column: pa.Array) -> pa.Array:
    """
    >>> _written(pa.array([1.5, float("nan"), None])).to_pylist()
    ['1.5', None, None]
    """
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
    return column.cast(pa.string())
