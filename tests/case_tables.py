"""Tables of cases under `tests/cases`, as parameters of a test."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "cases"


def cases(table: str) -> list[Any]:
    """The rows of a table by their labels; those with `expect` fail are failures we know of, strictly."""
    text = (FOLDER / f"{table}.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    known = pytest.mark.xfail(reason="known to be wrong still", strict=True)
    return [
        pytest.param(case, id=case["label"], marks=[known] if case["expect"] == "fail" else [])
        for case in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    ]
