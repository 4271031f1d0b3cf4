"""Columns as other programs take them: ISO 8601, JSON, and text that a spreadsheet does not run.

`harmless` puts an apostrophe before what a spreadsheet may take for a formula, and `undo_harmless` takes it
off again: a text that already looks as if it had been treated gets one more, so no two texts become one.
The signs are those of OWASP ("CSV Injection": = + - @ tab, carriage return, line feed and the full-width
forms), also behind spaces, invisible signs and controls.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_SKIPPED: Final = "\\x00-\\x20\\x{7f}-\\x{a0}\\x{ad}\\p{Z}\\p{Cf}"
_RISKY: Final = f"^'*([{_SKIPPED}]*[{_SIGNS}]|[\\t\\r\\n\\x00])"  # RE2
_NUL: Final = "\x00"
NUL_SHOWN: Final = "\N{SYMBOL FOR NULL}"


def plain(column: pa.Array) -> pa.Array:
    """Strings, numbers and truth values: times in ISO 8601, lists and structs as JSON.

    >>> plain(pa.array([["a", "ب"], None])).to_pylist()
    ['["a","ب"]', None]
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        written = column.cast(pa.string())  # 2014-03-05 21:30:00.000000Z
        return pc.replace_substring_regex(written, r"^(\S+) (\S+?)(?:\.000000)?(Z?)$", r"\1T\2\3")
    if pa.types.is_date(kind):
        return column.cast(pa.string())
    if pa.types.is_nested(kind):
        encode = msgspec.json.encode
        return pa.array(
            [None if value is None else encode(value).decode() for value in column.to_pylist()], pa.string()
        )
    return column


def risky(column: pa.Array) -> pa.Array:
    """Where a text is one that a spreadsheet may run.

    >>> risky(pa.array(["=1+1", "a=1", " -2", None, "'@x"])).to_pylist()
    [True, False, True, None, True]
    """
    return pc.match_substring_regex(column, _RISKY)


def harmless(column: pa.Array) -> pa.Array:
    """The texts, with an apostrophe before those that a spreadsheet may run.

    >>> harmless(pa.array(["=1+1", "a=1", None])).to_pylist()
    ["'=1+1", 'a=1', None]
    """
    if not pc.any(risky(column)).as_py():
        return column
    return pc.if_else(risky(column), pc.binary_join_element_wise("'", column, ""), column)


def undo_harmless(column: pa.Array) -> pa.Array:
    """The texts as they were before `harmless`.

    >>> undo_harmless(pa.array(["'=1+1", "'a", "''=1"])).to_pylist()
    ['=1+1', "'a", "'=1"]
    """
    bare = pc.replace_substring_regex(column, "^'", "")
    treated = pc.and_(pc.starts_with(column, "'"), risky(bare))
    return pc.if_else(treated, bare, column)


def without_nul(column: pa.Array) -> tuple[pa.Array, int]:
    """The texts with a visible sign for each NUL, which many programs take for the end; how many had one."""
    held = pc.sum(pc.match_substring(column, _NUL)).as_py() or 0
    return (pc.replace_substring(column, _NUL, NUL_SHOWN) if held else column), held


def is_text(kind: pa.DataType) -> bool:
    """Whether people wrote what stands in a column of this type, so that it can hold anything."""
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_nested(kind))


def column_kind(kind: pa.DataType, **kinds: Any) -> Any:
    """The keyword that fits the type: text, whole, real, truth, moment, day, list, or struct.

    >>> column_kind(pa.int32(), text="TEXT", whole="INTEGER")
    'INTEGER'
    """
    for name, fits in _KINDS.items():
        if fits(kind):
            return kinds.get(name, kinds.get("text"))
    return kinds["text"]


_KINDS: Final = {
    "whole": pa.types.is_integer,
    "real": pa.types.is_floating,
    "truth": pa.types.is_boolean,
    "moment": pa.types.is_timestamp,
    "day": pa.types.is_date,
    "list": pa.types.is_list,
    "struct": pa.types.is_struct,
}
