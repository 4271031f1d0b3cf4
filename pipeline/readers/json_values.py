"""One JSON record to plain values: repaired where it must be, and no deeper than the limits allow."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pipeline.readers.interface import Limits
from pipeline.readers.json_repair import repair
from pipeline.records import Reason


class RowError(Exception):
    """Why a row is no post; readers turn it into a `Rejection`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def decode_record(raw: bytes, limits: Limits = Limits()) -> tuple[Any, list[str]]:  # noqa: B008  frozen
    """The value of a record, and what had to be mended: escape, control, surrogate, duplicate_key:NAME, ...

    Of a name that stands twice in an object the last value counts.  Raises `RowError` where it is no JSON
    also after repair, or deeper than `limits.json_depth`.

    >>> decode_record(b'{"a": 1, "a": 2}')
    ({'a': 2}, ['duplicate_key:a'])
    """
    notes: list[str] = []
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        raise _too_deep(limits) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        text, notes = repair(raw)
        try:
            value = msgspec.json.decode(text)
        except RecursionError:
            raise _too_deep(limits) from None
        except (msgspec.DecodeError, UnicodeError) as error:
            detail = f"no JSON, also after repair: {error}; correct the record or export it again"
            raise RowError(Reason.BAD_JSON, detail) from None
    if raw.count(b"[") + raw.count(b"{") > limits.json_depth and _depth(value) > limits.json_depth:
        raise _too_deep(limits)
    if isinstance(value, dict):
        notes += duplicate_names(raw, value)
    return value, notes


def duplicate_names(raw: bytes, value: dict[str, Any]) -> list[str]:
    """`duplicate_key:NAME` for every name that the outer object of the record holds twice."""
    suspected = []
    for name in value:
        quoted = b'"' + name.encode("utf-8", "surrogatepass") + b'"'
        if raw.count(quoted + b":") + raw.count(quoted + b" :") > 1:
            suspected.append(name)
    if not suspected:
        return []
    try:
        pairs = json.loads(raw, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return []
    if not isinstance(pairs, _Pairs):
        return []
    names = [name for name, _ in pairs]
    return [f"duplicate_key:{name}" for name in suspected if names.count(name) > 1]


class _Pairs(list[tuple[str, Any]]):
    """The members of an object as they stand."""


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        following: list[object] = []
        for each in level:
            if isinstance(each, dict):
                following += each.values()
            elif isinstance(each, list):
                following += each
        level = [each for each in following if isinstance(each, (dict, list))]
    return deepest


def _too_deep(limits: Limits) -> RowError:
    return RowError(Reason.TOO_DEEP, f"nested deeper than {limits.json_depth} levels (limits: json_depth)")
