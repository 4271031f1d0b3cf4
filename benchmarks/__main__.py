"""`python -m benchmarks`: one table of what is measured, exit code 1 where a floor is broken."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import cluster, date_sets, homonyms, place_sets, quality, scale, speed, speed_map, text_sets
from benchmarks.quality import Mistake, Row, open_toolkit
from benchmarks.schedule_sweep import sweep

_FLAME: Final = 10_000  # posts; more change no share
FLOORS = Path(__file__).parent / "floors.json"
Measured = tuple[dict[str, float], list[tuple[str, Sequence[Sequence[str]]]]]
"""Figures by name, and tables with their titles; the first line of a table is its head."""


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    choices = ["all", *PARTS, "mistakes", "cluster", "events", "scale", "schedule-sweep"]
    parser.add_argument("what", nargs="?", default="all", choices=choices)
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.add_argument("--no-peers", action="store_true", help="this program only")
    parser.add_argument("--posts", type=int, default=speed_map.POSTS, help="speed: posts of the whole run")
    sizes = ",".join(map(str, scale.SIZES))
    parser.add_argument("--sizes", default=sizes, help="scale: posts of each run, with commas between")
    parser.add_argument("--store", action="store_true", help="scale: put the tables into docs/scale.md")
    parser.add_argument(
        "--flame", action="store_true", help="speed: where the time of a whole run goes, as a tree"
    )
    asked = parser.parse_args(words)
    if asked.flame:
        print(speed_map.flame(min(asked.posts, _FLAME)))
        return 0
    match asked.what:
        case "mistakes":
            return _mistakes(asked.json)
        case "events":
            _print(Console(), "places, each event held out of the training", place_sets.events())
            return 0
        case "cluster":
            _print(Console(), "the engine on a cluster of two workers", cluster.measure(asked.posts))
            return 0
        case "scale":
            return _scale([int(size) for size in asked.sizes.split(",")], asked.store)
        case "schedule-sweep":
            return _sweep()
        case what:
            parts = PARTS | {"speed": lambda _peers: _speed(asked.posts)}
            chosen = parts if what == "all" else {what: parts[what]}
            return _measure(chosen, asked.json, not asked.no_peers)


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


def _measure(parts: Mapping[str, Callable[[bool], Measured]], as_json: bool, peers: bool) -> int:
    floors: dict[str, float] = json.loads(FLOORS.read_text(encoding="utf-8"))
    figures: dict[str, float] = {}
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else 150)
    for part in parts.values():
        measured, titles = part(peers)
        figures.update(measured)
        for title, lines in titles:
            _print(console, title, lines)
    failures = broken(figures, floors)
    if as_json:
        print(json.dumps({"figures": figures, "floors": floors, "broken": failures}, indent=2))
    for failure in failures:
        console.print(f"broken: {failure}", highlight=False)
    return 1 if failures else 0


def _quality(_peers: bool) -> Measured:
    rows, _ = quality.measure(open_toolkit())
    return _merged(rows), [
        ("quality: samples/gold.jsonl, and MARSAD_EVAL where it is set", quality.table(rows))
    ]


def _text(_peers: bool) -> Measured:
    return _of_figures("text and language", text_sets.measure())


def _dates(peers: bool) -> Measured:
    rows = date_sets.measure(peers=peers)
    classes = date_sets.table(date_sets.classes())
    return _merged(rows), [("dates: invented posts", date_sets.table(rows)), ("dates by class", classes)]


def _places(peers: bool) -> Measured:
    rows = place_sets.measure(peers=peers)
    return _merged(rows), [
        ("places: invented posts, and MARSAD_EVAL where it is set", place_sets.table(rows))
    ]


def _homonyms(_peers: bool) -> Measured:
    answers = homonyms.measure(open_toolkit().gazetteer)
    return {}, [("villages of one name in Syria", homonyms.table(answers))]


def _speed(posts: int) -> Measured:
    return _of_figures("speed", speed.measure(open_toolkit(), posts))


def _merged(rows: Sequence[Row | date_sets.DateRow | place_sets.PlaceRow]) -> dict[str, float]:
    return {name: value for row in rows for name, value in row.figures().items()}


def _of_figures(title: str, measured: Sequence[speed.Figure]) -> Measured:
    cells = [[one.name, _number(one.value), one.unit, one.note] for one in measured]
    figures = {figure.name: round(figure.value, 4) for figure in measured}
    return figures, [(title, [["figure", "value", "unit", "of what"], *cells])]


def _number(value: float) -> str:
    """
    >>> _number(0.9421), _number(87071.8)
    ('0.942', '87,072')
    """
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


PARTS: Final[dict[str, Callable[[bool], Measured]]] = {
    "quality": _quality,
    "text": _text,
    "dates": _dates,
    "places": _places,
    "homonyms": _homonyms,
    "speed": lambda _peers: _speed(speed_map.POSTS),
}


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


def _scale(sizes: Sequence[int], store: bool) -> int:
    measured = scale.measure(sizes)
    _print(Console(), "runs with two processes", scale.lines_of(measured))
    _print(Console(), "model: a + b * posts", scale.model(measured))
    if store:
        scale.store(measured)
    return 0


def _sweep() -> int:
    clocks, wrong = sweep()
    for finding in wrong:
        print(f"{finding.zone}\t{finding.cron}\tmissing {finding.missing}\textra {finding.extra}")
    print(f"{clocks} different clocks, 48 half-hours, 2020 to 2035: {len(wrong)} lines fire wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
