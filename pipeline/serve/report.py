"""The report behind the page's tab: made by `marsad report` when asked for, kept until something changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from pipeline.config import Config
from pipeline.errors import DatasetError
from pipeline.serve.runs import MARSAD
from pipeline.storage.dataset import Dataset

# The report has its own policy.  In its frame it has no origin: no cookies, no requests, no way to the page.
FRAMED: Final = {"X-Frame-Options": "SAMEORIGIN"}
SANDBOX: Final = "sandbox allow-scripts allow-downloads; frame-ancestors 'self'"

Stamp = tuple[int, int, int]


class Made(Struct, frozen=True):
    """A report, what it was made of, and the policy that it is served with."""

    stamp: Stamp
    html: bytes
    policy: str
    at: datetime  # aware UTC

    @property
    def version(self) -> int:
        """Of the dataset."""
        return self.stamp[0]


class Report:
    """The last report made, and what it was made of."""

    def __init__(self, command: Sequence[str] = MARSAD) -> None:
        self._command = command
        self._guard = asyncio.Lock()
        self._made: Made | None = None

    async def current(self, config: Config) -> Made:
        """The report of the dataset as it is now.

        Raises `DatasetError` where there is nothing to report of, or the report cannot be made.
        """
        async with self._guard:  # whoever comes meanwhile waits for the same report
            stamp = _stamp(config)
            if self._made is None or self._made.stamp != stamp:
                html = await self._make(config.path)
                self._made = Made(stamp, html, _policy(html), datetime.now(UTC))
            return self._made

    async def _make(self, config: Path) -> bytes:
        with TemporaryDirectory(prefix="marsad-report-") as folder:
            path = Path(folder) / "report.html"
            process = await asyncio.create_subprocess_exec(
                *self._command,
                "report",
                "--out",
                str(path),
                "--config",
                str(config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, said = await process.communicate()
            if process.returncode:
                raise DatasetError(f"marsad report: {said.decode(errors='replace')[-2000:].strip()}")
            return path.read_bytes()


def _stamp(config: Config) -> Stamp:
    version = Dataset(config.dataset).current()
    if version is None:
        raise DatasetError(f"{config.dataset}: no dataset here yet; `marsad run` makes one")
    ledger = config.dataset / "ledger" / "runs.jsonl"  # the report tells how the last runs went
    size = ledger.stat().st_size if ledger.exists() else 0
    return version.number, size, config.path.stat().st_mtime_ns


def _policy(html: bytes) -> str:
    from pipeline.report import csp  # noqa: PLC0415  known once a report was made

    return f"{csp(html.decode())}; {SANDBOX}"
