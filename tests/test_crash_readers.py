"""The short version of `make soak`: readers see whole versions while sources are rerun."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.report import table
from tests.proof.soak import ROWS, SOURCES, mistakes, soak


def test_readers_while_sources_are_rerun(tmp_path: Path, cache: Path, toolkit) -> None:
    findings = soak(tmp_path, cache, seconds=0, rounds=3)
    assert sum(finding.bad for finding in findings) == 0, table(findings)
    points = {finding.what: finding.points for finding in findings if not finding.skipped}
    assert points["reruns meanwhile"] > 0
    assert points["reads: pipeline.load"] > 0
    assert points["reads: pandas"] > 0


WHOLE = [(source, f"{source}{n}", "text 1") for source in SOURCES for n in range(ROWS)]


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (WHOLE, ""),
        (WHOLE[:-1], "posts by source"),
        (WHOLE[ROWS:], "posts by source"),
        ([*WHOLE[:-1], WHOLE[-2]], "twice"),
        ([("north", "north0", "text 2"), *WHOLE[1:]], "two generations"),
    ],
)
def test_what_a_reader_may_not_see(rows, wrong) -> None:
    assert mistakes(rows).startswith(wrong) if not wrong else wrong in mistakes(rows)
