"""Runs that are killed, or that the disk refuses, at every point at which they change it."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.proof.report import Finding
from tests.proof.workplace import Workplace

CALLS = (
    "openat,write,pwrite64,writev,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,"
    "symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,flock"
)
STRACE = ("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null")
FAULTS = {"SIGKILL": "signal=SIGKILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}
REFUSED = {"ENOSPC", "EIO"}
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
Point = tuple[str, int]  # a system call, and which of its calls by the process
Say = Callable[[str], object]


def no_strace() -> str:
    """Why system calls cannot be broken here; empty where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed: apt-get install strace"
    tried = subprocess.run([*STRACE, "-e", "trace=write", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "strace may not trace here: " + tried.stderr.decode().strip()


def points(place: Workplace, log: Path) -> list[Point]:
    """Every call of a run that changes the folder of the dataset."""
    place.fresh()
    under = ("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-o", str(log), "-e", f"trace={CALLS}")
    code, said = place.run(under=under)
    assert code == 0, said
    found = []
    seen: Counter[str] = Counter()
    main = ""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        main = main or call[1]
        if call[1] != main:  # threads of libraries change nothing
            assert not _changes(call[2], call[3], place.dataset), line
            continue
        seen[call[2]] += 1
        if _changes(call[2], call[3], place.dataset):
            found.append((call[2], seen[call[2]]))
    return found


def _changes(name: str, told: str, folder: Path) -> bool:
    opened_to_write = re.search("O_WRONLY|O_RDWR|O_CREAT", told)
    return str(folder) in told and (name != "openat" or opened_to_write is not None)


def at_every_call(place: Workplace, fault: str, at: list[Point], say: Say) -> Finding:
    """Break the run at each point; then it must be as before or done, and the next run must finish it."""
    finding = Finding(f"{fault} before a system call")
    for number, (call, which) in enumerate(at, 1):
        place.fresh()
        inject = ("-e", f"trace={call}", "-e", f"inject={call}:{FAULTS[fault]}:when={which}")
        code, said = place.run(under=(*STRACE, *inject))
        finding.points += 1
        where = f"{call} {which}: exit code {code}"
        judge(place, finding, where, acknowledged=code == 0)
        if fault in REFUSED and "Traceback" in said:
            finding.wrong += 1
            finding.note(f"{where}: {said.strip().splitlines()[-1]}")
        finish(place, finding, where)
        if number % 50 == 0:
            say(f"{fault}: {number} of {len(at)}, {finding.bad} bad")
    return finding


def at_random(place: Workplace, kills: int, say: Say, seed: int = 7) -> Finding:
    """Kill a run and its workers' parent at random moments, each from where the one before left it."""
    finding = Finding("SIGKILL at a random moment")
    moments = random.Random(seed)
    place.fresh()
    start = time.monotonic()
    place.expect(0)
    usual = time.monotonic() - start
    place.fresh()
    for number in range(1, kills + 1):
        with place.start() as process:
            try:
                process.wait(moments.uniform(0.1, 1.1) * usual)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            code = process.wait()
            assert process.stderr is not None
            said = process.stderr.read()
        finding.points += 1
        if code not in (0, -signal.SIGKILL):
            finding.wrong += 1
            finding.note(f"kill {number}: exit code {code}: {said.strip()[-200:]}")
        judge(place, finding, f"kill {number}", acknowledged=code == 0)
        if number % 5 == 0 or place.state() == place.done:
            finish(place, finding, f"kill {number}")
            place.fresh()
        if number % 50 == 0:
            say(f"random kills: {number} of {kills}, {finding.bad} bad")
    return finding


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
    elif acknowledged and state != place.done:
        finding.lost += 1
        finding.note(f"{where}: it ended well, and its rows are not there")


def finish(place: Workplace, finding: Finding, where: str) -> None:
    """The next plain run."""
    code, said = place.run()
    try:
        done = code == 0 and place.state() == place.done and not place.leftovers()
    except Exception as wrong:  # noqa: BLE001  whatever it is, it is a finding
        done, said = False, f"{type(wrong).__name__}: {wrong}"
    if not done:
        finding.manual += 1
        finding.note(
            f"{where}: the next run: exit code {code}, left {place.leftovers()}: {said.strip()[-200:]}"
        )
