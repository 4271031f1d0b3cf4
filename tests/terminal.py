"""A terminal for tests: a program that believes it talks to a person."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def at_terminal(
    words: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    answers: Sequence[tuple[str, str]] = (),
    program: Sequence[str] = (sys.executable, "-m", "pipeline"),
) -> tuple[int, str]:
    """Exit code and all that stood on the screen; each answer is typed when its question appears."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*program, *words], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        waiting = list(answers)
        seen = 0
        until = time.monotonic() + 120
        while time.monotonic() < until:
            ready = select.select([ours], [], [], 1.0)[0]
            if ready:
                try:
                    piece = os.read(ours, 65_536)
                except OSError:  # Linux: the other end is closed
                    break
                if not piece:
                    break
                shown += piece
            if waiting and waiting[0][0].encode() in shown[seen:]:
                seen = len(shown)
                os.write(ours, waiting.pop(0)[1].encode() + b"\n")
        process.wait(timeout=60)
    os.close(ours)
    assert not waiting, f"never asked: {waiting[0][0]}\n{shown.decode(errors='replace')}"
    return process.returncode, shown.decode("utf-8", "replace").replace("\r\n", "\n")
