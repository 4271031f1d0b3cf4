"""The house: tables name their sources, names are the field's own, the README says what the schema says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

import pipeline
from pipeline.config import Config, load
from pipeline.config.reference import reference, schema
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


def test_the_docs_print_every_key_as_the_configuration_has_it(root: Path):
    assert (root / "docs" / "config.md").read_text(encoding="utf-8") == reference()


def test_editors_accept_what_the_program_accepts(root: Path):
    told = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    told["sources"][0] |= {
        "retention": {"posts": "365d", "rejected": 30},
        "mask": "phones",
        "home": ["SY", "LB"],
    }
    jsonschema.validate(told, schema())
    for wrong in ({"zoen": "UTC"}, {"authors": "kept"}, {"files": []}, {"expect": {"max_rejected": 2}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"sources": [{"name": "a", "files": "x"} | wrong]}, schema())


def every_example() -> Iterator[tuple[str, str, Any]]:
    """Path of a model, key and example, of every key of the configuration."""
    models = [("", Config)]
    for path, model in models:
        for key, field in model.model_fields.items():
            assert field.description, f"{path} {key}"
            assert field.examples, f"{path} {key}"
            yield from ((path, key, example) for example in field.examples)
            kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
            below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
            models.extend((f"{path}.{key}".lstrip("."), kind) for kind in below)


@pytest.mark.parametrize(("path", "key", "example"), list(every_example()))
def test_every_example_of_a_key_is_allowed(path, key, example, tmp_path):
    needed = {"Mail": {"to": "a@b.c"}, "Source": {"name": "a", "files": "x"}}
    inner = {key: example} | ({"to": "a@b.c"} if path == "on_failure.mail" and key != "to" else {})
    if path == "engine" and key == "address":
        inner["kind"] = "dask"
    for part in reversed(path.split(".") if path else []):
        inner = {part: [needed["Source"] | inner]} if part == "sources" else {part: inner}
    whole = {"sources": [needed["Source"]]} | inner
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    load(tmp_path / "config.yaml", {})
