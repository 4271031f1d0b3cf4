"""The quality that users are promised, on labeled posts; `make bench` prints the figures themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import date_sets, place_sets
from benchmarks.__main__ import broken
from benchmarks.quality import measure


@pytest.fixture(autouse=True)
def without_more(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No labelled data and no gazetteer beside those of the repository."""
    monkeypatch.delenv("MARSAD_EVAL", raising=False)
    monkeypatch.setenv("MARSAD_CACHE", str(cache))


def check(root: Path, figures: Mapping[str, float], prefix: str) -> None:
    floors = json.loads((root / "benchmarks" / "floors.json").read_text(encoding="utf-8"))
    wanted = {name: floor for name, floor in floors.items() if name.startswith(prefix)}
    assert wanted
    assert wanted.keys() <= figures.keys()
    assert broken(figures, wanted) == []


def test_no_floor_is_broken_on_the_gold(root: Path, toolkit: object) -> None:
    rows, _ = measure(toolkit)
    check(root, {name: value for row in rows for name, value in row.figures().items()}, "gold.")


def test_no_floor_is_broken_on_invented_posts_with_dates(root: Path) -> None:
    rows = date_sets.measure(peers=False)
    check(root, {name: value for row in rows for name, value in row.figures().items()}, "invented_")


def test_no_floor_is_broken_on_invented_posts_with_places(root: Path, toolkit: object) -> None:
    rows = place_sets.measure(peers=False)
    check(root, {name: value for row in rows for name, value in row.figures().items()}, "posts ")
