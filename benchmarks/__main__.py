"""`python -m benchmarks`: one table of what is measured, exit code 1 where a floor is broken."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import quality, speed
from benchmarks.quality import Mistake, open_toolkit
from benchmarks.schedule_sweep import sweep

FLOORS = Path(__file__).parent / "floors.json"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    choices = ["all", "quality", "speed", "mistakes", "schedule-sweep"]
    parser.add_argument("what", nargs="?", default="all", choices=choices)
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    asked = parser.parse_args(words)
    match asked.what:
        case "mistakes":
            return _mistakes(asked.json)
        case "schedule-sweep":
            return _sweep()
        case what:
            return _measure(what, asked.json)


def broken(figures: Mapping[str, float], floors: Mapping[str, float]) -> list[str]:
    """The floors that the figures do not reach, in words.

    A floor of something that was not measured says nothing.

    >>> broken({"speed.ratio": 80.0}, {"speed.ratio": 100, "gold.dates.f1": 0.9})
    ['speed.ratio is 80, its floor is 100']
    """
    return [
        f"{name} is {figures[name]:g}, its floor is {floor:g}"
        for name, floor in sorted(floors.items())
        if name in figures and figures[name] < floor
    ]


def _measure(what: str, as_json: bool) -> int:
    toolkit = open_toolkit()
    floors: dict[str, float] = json.loads(FLOORS.read_text(encoding="utf-8"))
    figures: dict[str, float] = {}
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else 150)
    if what in {"all", "quality"}:
        rows, _ = quality.measure(toolkit)
        for row in rows:
            figures.update(row.figures())
        _print(console, "quality", quality.table(rows))
    if what in {"all", "speed"}:
        measured = speed.measure(toolkit)
        figures.update({figure.name: round(figure.value, 2) for figure in measured})
        cells = [[figure.name, f"{figure.value:,.1f}", figure.unit, figure.note] for figure in measured]
        _print(console, "speed", [["figure", "value", "unit", "of what"], *cells])
    failures = broken(figures, floors)
    if as_json:
        print(json.dumps({"figures": figures, "floors": floors, "broken": failures}, indent=2))
    for failure in failures:
        console.print(f"broken: {failure}", highlight=False)
    return 1 if failures else 0


def _print(console: Console, title: str, lines: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for number, head in enumerate(lines[0]):
        table.add_column(head, justify="right" if _is_number(lines[-1][number]) else "left")
    for line in lines[1:]:
        table.add_row(*line)
    console.print(table)


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()


def _mistakes(as_json: bool) -> int:
    """Print every miss, false mention and wrong value."""
    _, mistakes = quality.measure(open_toolkit())
    for mistake in mistakes:
        print(_line(mistake) if not as_json else json.dumps(_fields(mistake), ensure_ascii=False))
    return 0


def _line(mistake: Mistake) -> str:
    text = " ".join(mistake.text.split())
    return f"{mistake.name}\t{mistake.room}\t{mistake.kind}\t{mistake.words}\t{mistake.told}\t{text}"


def _fields(mistake: Mistake) -> dict[str, str]:
    return {name: getattr(mistake, name) for name in mistake.__struct_fields__}


def _sweep() -> int:
    clocks, wrong = sweep()
    for finding in wrong:
        print(f"{finding.zone}\t{finding.cron}\tmissing {finding.missing}\textra {finding.extra}")
    print(f"{clocks} different clocks, 48 half-hours, 2020 to 2035: {len(wrong)} lines fire wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
