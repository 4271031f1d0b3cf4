"""Commands in forks of a warm process: modules and gazetteer are there, so that a trial takes a fraction of a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

NURSE = """\
import json, os, sys, traceback
from pathlib import Path
from pipeline.storage import segments, stage
from pipeline.config import load
from pipeline.jobs import forget, run
from pipeline.cli import main

folder, segments.SEGMENT_ROWS = Path(sys.argv[1]), int(sys.argv[2])
list(run.run(load(folder / "config.yaml"), (), run.Options(dry=True)))
for line in sys.stdin:
    words, waits = json.loads(line)
    child = os.fork()
    if not child:
        code = 70
        try:
            said = os.open(folder.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            nothing = os.open("/dev/null", os.O_RDWR)
            for given, kept in ((nothing, 0), (nothing, 1), (said, 2)):
                os.dup2(given, kept)
            os.chdir(folder)
            sys.argv = ["marsad", *words]
            if waits:
                (folder.parent / "gate").read_bytes()
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Warm:
    """One warm process for the commands of a workplace."""

    def __init__(self, folder: Path, rows: int, environment: dict[str, str]) -> None:
        self._said = folder.parent / "said"
        self._gate = folder.parent / "gate"  # where a command waits until strace has its process
        os.mkfifo(self._gate)
        self._nurse = subprocess.Popen(
            [sys.executable, "-c", NURSE, str(folder), str(rows)],
            cwd=folder.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        words: Sequence[str],
        under: Sequence[str] = (),
        meanwhile: Callable[[int], object] | None = None,
    ) -> tuple[int, str]:
        """The exit code of a command and what it said; `meanwhile` is called with the number of its process.

        `under`: strace and its options, to which the process is given before it begins.
        """
        assert self._nurse.stdin is not None
        assert self._nurse.stdout is not None
        print(json.dumps([list(words), bool(under)]), file=self._nurse.stdin, flush=True)
        child = int(self._nurse.stdout.readline())
        tracer = subprocess.Popen([*under, "-p", str(child)], stderr=subprocess.DEVNULL) if under else None
        if tracer is not None:
            while "TracerPid:\t0\n" in _status(child):
                assert tracer.poll() is None, "strace did not take the process"
                time.sleep(0.001)
            time.sleep(0.02)  # strace has it, and now asks for its calls
            self._gate.write_bytes(b"")
        if meanwhile is not None:
            meanwhile(child)
        code = int(self._nurse.stdout.readline())
        if tracer is not None:
            tracer.wait()
        return code, self._said.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        with suppress(OSError):
            self._nurse.communicate()


def _status(process: int) -> str:
    return Path(f"/proc/{process}/status").read_text(encoding="utf-8")
