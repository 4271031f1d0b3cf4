"""The house: tables name their sources, names are the field's own, the README says what the schema says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import pipeline
from pipeline.data import names, rows
from pipeline.storage.schema import dictionary


def test_one_version(root: Path):
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == pipeline.__version__


@pytest.mark.parametrize("table", names())
def test_every_table_row_names_its_source(table):
    lines = list(rows(table))
    assert lines
    assert [line for line in lines if not line["source"]] == []


@pytest.mark.parametrize("name", ["utils", "common", "core", "base", "manager", "helpers"])
def test_no_drawer_for_odds_and_ends(root: Path, name):
    assert not [
        path for path in (root / "pipeline").rglob(f"*{name}*") if path.suffix == ".py" or path.is_dir()
    ]


def test_the_docs_print_every_column_as_the_schema_has_it(root: Path):
    assert (root / "docs" / "columns.md").read_text(encoding="utf-8") == dictionary()
