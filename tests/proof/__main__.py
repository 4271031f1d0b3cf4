"""`python -m tests.proof crash | soak`: break the store on purpose, and report what came of it.  See docs/proof.md."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.proof import inputs, kills, outages, poison, soak, writers
from tests.proof.report import Finding, table
from tests.proof.workplace import ACTS, Workplace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("what", choices=["crash", "soak"])
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="at most, of system calls and kills each"
    )
    parser.add_argument("--kills", type=int, default=1000, help="random kills")
    parser.add_argument("--acts", nargs="*", choices=list(ACTS), default=list(ACTS), help="what is broken")
    parser.add_argument("--loops", type=int, default=500, help="publishes of each of two writers")
    parser.add_argument("--posts", type=int, default=1_000_000, help="among which one is deadly")
    parser.add_argument("--parts", type=int, default=64, help="into how many parts samples are cut")
    parser.add_argument("--seconds", type=float, default=1800, help="of the soak")
    parser.add_argument("--only", nargs="*", choices=list(CRASH), default=list(CRASH))
    asked = parser.parse_args()
    start = time.monotonic()
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="marsad-proof-") as folder:
        root = Path(folder)
        if asked.what == "soak":
            (root / "soak").mkdir()
            findings += soak.soak(root / "soak", root / "cache", asked.seconds)
            findings.append(writers.clock_jumps(root / "jumps", 300))
        else:
            for name in asked.only:
                (root / name).mkdir()
                for finding in CRASH[name](root / name, root / "cache", asked):
                    findings.append(finding)
                    _say(f"{table([finding])}\n{datetime.now(UTC):%H:%M:%S} UTC")
    print(table(findings))
    bad = sum(finding.bad for finding in findings)
    print(f"{bad} bad in {time.monotonic() - start:.0f} s")
    return 1 if bad else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _calls(folder: Path, cache: Path, asked: argparse.Namespace) -> Iterator[Finding]:
    reason = kills.no_strace()
    if reason:
        yield from (Finding(f"{fault} before a system call", skipped=reason) for fault in kills.FAULTS)
        return
    seconds = 60 * asked.minutes / len(asked.acts)
    for name in asked.acts:
        place = Workplace(folder / name, cache, act=ACTS[name])
        place.make()
        found = kills.spread(kills.points(place, folder / name / "log"))
        _say(f"{place.act.name} changes the disk by {len(found)} system calls")
        for fault in kills.FAULTS:
            share = 0.5 if fault == "SIGKILL" else 0.25
            yield kills.at_every_call(place, fault, found, _say, seconds * share)
        place.warm.close()


def _kills(folder: Path, cache: Path, asked: argparse.Namespace) -> Iterator[Finding]:
    """Nine of ten in warm processes; the last with worker processes."""
    seconds = 60 * asked.minutes / len(asked.acts)
    kills_each = -(-asked.kills // len(asked.acts))
    for name in asked.acts:
        place = Workplace(folder / name, cache, act=ACTS[name])
        place.make()
        yield kills.at_random(place, kills_each * 9 // 10, _say, seconds * 0.7)
        place.warm.close()
    place = Workplace(folder / "workers", cache, "processes")
    place.make()
    finding = kills.at_random(place, asked.kills // 10, _say, 60 * asked.minutes * 0.3)
    finding.what += ", with workers"
    yield finding


def _disk(folder: Path, cache: Path, _asked: argparse.Namespace) -> list[Finding]:
    place = Workplace(folder, cache)
    place.make()
    return [writers.full_disk(place, folder)]


CRASH: dict[str, Callable[[Path, Path, argparse.Namespace], Iterable[Finding]]] = {
    "calls": _calls,
    "kills": _kills,
    "cuts": lambda folder, cache, asked: [inputs.cut_samples(folder, cache, asked.parts)],
    "writers": lambda folder, _cache, asked: [writers.two_writers(folder, asked.loops)],
    "disk": _disk,
    "configs": lambda folder, _cache, _asked: [inputs.slips(folder)],
    "poison": lambda _folder, _cache, asked: [poison.poison(asked.posts)],
    "outages": lambda _folder, _cache, _asked: [outages.outages(500)],
}

if __name__ == "__main__":
    sys.exit(main())
