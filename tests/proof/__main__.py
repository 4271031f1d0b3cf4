"""`python -m tests.proof crash | soak`: break the store on purpose, and report what came of it.  See docs/proof.md."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.proof import inputs, kills, soak, writers
from tests.proof.report import Finding, table
from tests.proof.workplace import Workplace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("what", choices=["crash", "soak"])
    parser.add_argument("--every", type=int, default=1, help="of the system calls only every so many")
    parser.add_argument("--kills", type=int, default=1000, help="random kills")
    parser.add_argument("--loops", type=int, default=500, help="publishes of each of two writers")
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
                    _say(table([finding]))
    print(table(findings))
    bad = sum(finding.bad for finding in findings)
    print(f"{bad} bad in {time.monotonic() - start:.0f} s")
    return 1 if bad else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _calls(folder: Path, cache: Path, asked: argparse.Namespace) -> list[Finding]:
    reason = kills.no_strace()
    if reason:
        return [Finding(f"{fault} before a system call", skipped=reason) for fault in kills.FAULTS]
    place = Workplace(folder, cache)
    place.make()
    found = kills.points(place, folder / "log")
    _say(f"a run changes the disk by {len(found)} system calls")
    start = random.Random(7).randrange(asked.every)
    return [kills.at_every_call(place, fault, found[start :: asked.every], _say) for fault in kills.FAULTS]


def _kills(folder: Path, cache: Path, asked: argparse.Namespace) -> list[Finding]:
    place = Workplace(folder, cache, "processes")
    place.make()
    return [kills.at_random(place, asked.kills, _say)]


def _disk(folder: Path, cache: Path, _asked: argparse.Namespace) -> list[Finding]:
    place = Workplace(folder, cache)
    place.make()
    return [writers.full_disk(place, folder)]


CRASH: dict[str, Callable[[Path, Path, argparse.Namespace], list[Finding]]] = {
    "calls": _calls,
    "kills": _kills,
    "cuts": lambda folder, cache, asked: [inputs.cut_samples(folder, cache, asked.parts)],
    "writers": lambda folder, _cache, asked: [writers.two_writers(folder, asked.loops)],
    "disk": _disk,
    "configs": lambda folder, _cache, _asked: [inputs.slips(folder)],
}

if __name__ == "__main__":
    sys.exit(main())
