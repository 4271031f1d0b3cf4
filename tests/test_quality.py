"""The quality that users are promised, on the labeled samples; `make bench` prints the figures themselves."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.__main__ import broken
from benchmarks.quality import measure


def test_no_floor_is_broken_on_the_gold(root: Path, toolkit, cache, monkeypatch):
    monkeypatch.delenv("MARSAD_EVAL", raising=False)
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    rows, _ = measure(toolkit)
    figures = {name: value for row in rows for name, value in row.figures().items()}
    floors = json.loads((root / "benchmarks" / "floors.json").read_text(encoding="utf-8"))
    gold = {name: floor for name, floor in floors.items() if name.startswith("gold.")}
    assert gold.keys() <= figures.keys()
    assert broken(figures, gold) == []
