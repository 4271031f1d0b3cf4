"""Runs that are killed, or that the disk refuses, at every point at which they change it."""

from __future__ import annotations

import contextlib
import math
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.proof.report import Finding
from tests.proof.workplace import Workplace

CALLS = (
    "openat,write,pwrite64,writev,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,"
    "symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,flock"
)
STRACE = ("strace", "-f", "-qq", "-e", "signal=none")  # with --seccomp-bpf strace 6.1 gives no signals
FAULTS = {"SIGKILL": "signal=SIGKILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}
REFUSED = {"ENOSPC", "EIO"}
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
_PATH = re.compile(r'[<"](/[^>"]*)[>"]')
Say = Callable[[str], object]


@dataclass(frozen=True)
class Point:
    """A system call: which of the calls of its kind on a path, or where that has none, of its process."""

    call: str
    which: int
    path: str = ""

    def __str__(self) -> str:
        return f"{self.call} {self.which} {self.path}".strip()


def no_strace() -> str:
    """Why system calls cannot be broken here; empty where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed: apt-get install strace"
    words = [*STRACE, "-o", "/dev/null", "-e", "trace=write", "true"]
    tried = subprocess.run(words, capture_output=True, check=False)
    return "" if tried.returncode == 0 else "strace may not trace here: " + tried.stderr.decode().strip()


def points(place: Workplace, log: Path) -> list[Point]:
    """Every call of the act that changes its folder."""
    place.fresh()
    under = (*STRACE, "-y", "-s", "1000", "-o", str(log), "-e", f"trace={CALLS}")
    code, said = place.warm.run(place.act.words, under)
    assert code == place.act.code, said
    found: list[Point] = []
    of_threads: Counter[tuple[str, str]] = Counter()
    of_paths: Counter[tuple[str, str, str]] = Counter()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        thread, name, told = call.groups()
        of_threads[thread, name] += 1
        paths = dict.fromkeys(_PATH.findall(re.sub("AT_FDCWD<[^>]*>", "", told.rpartition(" = ")[0] or told)))
        inside = [path for path in paths if path.startswith(str(place.folder))]
        for path in inside:
            of_paths[thread, name, path] += 1
        if not inside or (name == "openat" and not re.search("O_WRONLY|O_RDWR|O_CREAT", told)):
            continue
        if "/running/" in inside[0]:  # named by the process, which has another number each time
            found.append(Point(name, of_threads[thread, name]))
        else:
            found.append(Point(name, of_paths[thread, name, inside[0]], inside[0]))
    return found


def spread(at: list[Point], seed: int = 7) -> list[Point]:
    """The points in an order of which any beginning is spread over all, the many inner writes of files last."""
    last = {point.path: point.which for point in at if point.call == "write"}
    inner = [point for point in at if point.call == "write" and 1 < point.which < last[point.path]]
    outer = [point for point in at if point not in set(inner)]
    for part in (outer, inner):
        random.Random(seed).shuffle(part)
    return outer + inner


def at_every_call(
    place: Workplace, fault: str, at: list[Point], say: Say, seconds: float = math.inf
) -> Finding:
    """Break the act at each point; then it must be as before or done, and the next calls must finish it.

    At as many points as can be tried in `seconds`.
    """
    finding = Finding(f"{fault} in {place.act.name}", planned=len(at))
    end = time.monotonic() + seconds
    for number, point in enumerate(at, 1):
        if time.monotonic() > end:
            break
        place.fresh()
        code, said = broken(place, fault, point)
        if code is None:
            finding.missed += 1
            continue
        finding.points += 1
        where = f"{point}: exit code {code}"
        judge(place, finding, where, acknowledged=code == place.act.code)
        if fault in REFUSED and "Traceback" in said:
            finding.wrong += 1
            finding.note(f"{where}: {said.strip().splitlines()[-1]}")
        finish(place, finding, where, warm=number % 10 != 0)
        if number % 50 == 0:
            say(f"{finding.what}: {number} of {len(at)}, {finding.bad} bad, {finding.missed} missed")
    return finding


def broken(place: Workplace, fault: str, point: Point) -> tuple[int | None, str]:
    """The exit code of an act that was broken at a point and what it said; None where it went by the point."""
    log = place.folder.parent / "broken"
    only = ("-P", point.path) if point.path else ()
    inject = f"inject={point.call}:{FAULTS[fault]}:when={point.which}"
    under = (*STRACE, "-o", str(log), "-e", f"trace={point.call}", *only, "-e", inject)
    code, said = place.warm.run(place.act.words, under)
    if fault in REFUSED:
        return (code if "(INJECTED)" in log.read_text(errors="replace") else None), said
    return (code if code == -signal.SIGKILL else None), said


def at_random(place: Workplace, kills: int, say: Say, seconds: float = math.inf, seed: int = 7) -> Finding:
    """Kill the act at random moments, and its workers' parent, each from where the one before left it."""
    finding = Finding(f"SIGKILL at random in {place.act.name}", planned=kills)
    end = time.monotonic() + seconds
    moments = random.Random(seed)
    place.fresh()
    usual = math.inf  # seconds of an act that nobody disturbs
    for _ in range(2):
        start = time.monotonic()
        run(place, place.act.words)
        usual = min(usual, time.monotonic() - start)
        place.fresh()
    while finding.points < kills and time.monotonic() < end:
        code, said = killed(place, moments.uniform(0.0, 1.1) * usual)
        where = f"kill {finding.points + 1}"
        if code == -signal.SIGKILL:
            finding.points += 1
        else:
            finding.missed += 1
            if code != place.act.code:
                finding.wrong += 1
                finding.note(f"{where}: exit code {code}: {said.strip()[-200:]}")
        judge(place, finding, where, acknowledged=code == place.act.code)
        if code != -signal.SIGKILL or finding.points % 5 == 0:
            finish(place, finding, where, warm=finding.points % 10 != 0)
            place.fresh()
        if finding.points and finding.points % 50 == 0:
            say(f"{finding.what}: {finding.points} of {kills}, {finding.bad} bad")
    return finding


def run(place: Workplace, words: tuple[str, ...]) -> tuple[int, str]:
    """A command in a warm process; with workers, in one of its own."""
    return place.warm.run(words) if place.kind == "serial" else place.run(*words)


def killed(place: Workplace, after: float) -> tuple[int, str]:
    """The exit code of an act that is killed after so many seconds, and what it said."""
    if place.kind == "serial":
        return place.warm.run(place.act.words, meanwhile=partial(_kill, after))
    with place.start(*place.act.words) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        code = process.wait()
        assert process.stderr is not None
        return code, process.stderr.read()


def _kill(after: float, process: int) -> None:
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def judge(place: Workplace, finding: Finding, where: str, *, acknowledged: bool) -> None:
    """Look at what readers see."""
    try:
        state = place.state()
    except Exception as wrong:  # noqa: BLE001  whatever it is, it is a finding
        finding.wrong += 1
        finding.note(f"{where}: {type(wrong).__name__}: {wrong}")
        return
    if not place.published(state):
        finding.wrong += 1
        finding.note(f"{where}: a state that was never published")
    elif acknowledged and (state != place.done or place.holding()):
        finding.lost += 1
        finding.note(f"{where}: it ended well, and its work is not done")


def finish(place: Workplace, finding: Finding, where: str, *, warm: bool = False) -> None:
    """The next calls; where `warm` in forks of a warm process, to save time."""
    code, said = 0, ""
    try:
        for words in place.act.after:
            code, said = run(place, words) if warm else place.run(*words)
            if code != 0:
                break
        done = code == 0 and place.state() == place.done and not place.leftovers() and not place.holding()
    except Exception as wrong:  # noqa: BLE001  whatever it is, it is a finding
        done, said = False, f"{type(wrong).__name__}: {wrong}"
    if not done:
        finding.manual += 1
        finding.note(
            f"{where}: the next run: exit code {code}, left {place.leftovers()}: {said.strip()[-200:]}"
        )
