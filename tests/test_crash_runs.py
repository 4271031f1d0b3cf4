"""The short version of `make crash`: whole runs that are killed or refused, and inputs that are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import inputs, kills, outages, writers
from tests.proof.report import Finding, table
from tests.proof.workplace import ACTS, Workplace


@pytest.fixture(scope="module")
def place(tmp_path_factory, cache: Path, toolkit) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("proof"), cache)
    place.make()
    return place


def nothing_bad(finding: Finding, points: int) -> None:
    if finding.skipped:
        pytest.skip(finding.skipped)
    assert finding.bad == 0, table([finding])
    assert finding.points >= points


# One of the calls that write, sync, link and rename, in each of the ways that it can go wrong
@pytest.mark.parametrize(("fault", "call"), [("SIGKILL", "rename"), ("ENOSPC", "write"), ("EIO", "link")])
def test_a_run_that_is_broken_at_a_system_call(place: Workplace, tmp_path: Path, fault, call) -> None:
    reason = kills.no_strace()
    if reason:
        pytest.skip(reason)
    found = [point for point in kills.points(place, tmp_path / "log") if point.call == call and point.path]
    nothing_bad(kills.at_every_call(place, fault, [found[len(found) // 2]], print), 1)


def test_runs_that_are_killed_at_random(place: Workplace) -> None:
    nothing_bad(kills.at_random(place, 2, print), 2)


def test_a_forget_that_is_killed(tmp_path: Path, cache: Path, toolkit) -> None:
    reason = kills.no_strace()
    if reason:
        pytest.skip(reason)
    place = Workplace(tmp_path, cache, act=ACTS["forget"])
    place.make()
    moved = kills.Point(
        "rename", 1, str(place.dataset / "versions" / "000003")
    )  # to make room for the clean one
    nothing_bad(kills.at_every_call(place, "SIGKILL", [moved], print), 1)


def test_outages_of_the_scheduler() -> None:
    nothing_bad(outages.outages(24), 24)


def test_two_writers_at_once(tmp_path: Path) -> None:
    nothing_bad(writers.two_writers(tmp_path, 15), 30)


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    nothing_bad(writers.clock_jumps(tmp_path, 12), 12)


def test_samples_that_are_cut(tmp_path: Path, cache: Path, toolkit) -> None:
    """The readers alone are tried at every 1/64 in test_readers.py; these are whole runs."""
    nothing_bad(inputs.cut_samples(tmp_path, cache, parts=3), 28)


def test_the_proof_finds_what_is_wrong(place: Workplace) -> None:
    """A proof that finds nothing must not be one that looks at nothing."""
    place.fresh()
    finding = Finding("a")
    kills.judge(place, finding, "not run", acknowledged=True)
    assert (finding.wrong, finding.lost) == (0, 1)
    posts = min((place.dataset / "current" / "posts").glob("ghab-*.parquet"))
    whole = posts.read_bytes()
    posts.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    kills.judge(place, finding, "flipped", acknowledged=False)
    assert (finding.wrong, finding.lost) == (1, 1)
