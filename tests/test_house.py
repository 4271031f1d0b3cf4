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


def test_the_readme_example_is_what_comes_out(root: Path, cache: Path, monkeypatch):
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    readme = (root / "README.md").read_text(encoding="utf-8")
    example = readme.partition("<!-- example")[2].partition("<!-- /example")[0].splitlines()
    posts = [line.removeprefix("> ") for line in example if line.startswith("> ")]
    table = [tuple(line.strip("| ").split(" | ")) for line in example if line.startswith("| ")][1:]
    found = pipeline.annotate(posts, published_at="2015-08-27T12:00", zone="Asia/Damascus", home=["SY"])
    read = [
        (p.surface, f"{p.name}, {p.feature}, {p.admin1}, {p.country}", f"{p.lat:.3f}, {p.lon:.3f}")
        for p in found.places.itertuples()
    ]
    read += [
        (d.surface, d.edtf, f"{d.date_from:%Y-%m-%d} to {d.date_to:%Y-%m-%d}")
        for d in found.dates.itertuples()
    ]
    assert sorted(table) == sorted(read)


@pytest.mark.parametrize("table", names())
def test_every_table_row_names_its_source(table):
    lines = list(rows(table))
    assert lines
    assert [line for line in lines if not line["source"]] == []


@pytest.mark.parametrize("name", ["utils", "common", "core", "base", "manager", "helpers"])
def test_no_drawer_for_odds_and_ends(root: Path, name):
    paths = [path for path in (root / "pipeline").rglob("*") if path.suffix == ".py" or path.is_dir()]
    assert not [path for path in paths if name in path.stem.split("_")]


def test_the_docs_print_every_column_as_the_schema_has_it(root: Path):
    assert (root / "docs" / "columns.md").read_text(encoding="utf-8") == dictionary()
