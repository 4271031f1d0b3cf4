"""What a proof found, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Finding:
    """One kind of trouble, how often it was made, and what came of it."""

    what: str
    points: int = 0
    wrong: int = 0  # readers saw what was never published, or a message that was due was not there
    lost: int = 0  # what was acknowledged is gone
    manual: int = 0  # the next plain run did not mend it
    missed: int = 0  # trials in which nothing was broken: the program did not come by; they are no points
    planned: int = 0  # points that there are, where not all were tried
    skipped: str = ""  # why it was not done here
    notes: list[str] = field(default_factory=list)  # of what went wrong, the first few

    def note(self, text: str) -> None:
        if len(self.notes) < 5:
            self.notes.append(text)

    @property
    def bad(self) -> int:
        return self.wrong + self.lost + self.manual


def table(findings: list[Finding]) -> str:
    """The report: a line for each kind of trouble.

    >>> print(table([Finding("two writers", 500), Finding("full disk", skipped="needs root")]))
    what          points   wrong    lost  manual
    two writers      500       0       0       0
    full disk    skipped: needs root
    """
    width = max([11, *(len(one.what) for one in findings)]) + 1
    lines = [f"{'what':{width}} {'points':>7} {'wrong':>7} {'lost':>7} {'manual':>7}"]
    for one in findings:
        if one.skipped:
            lines.append(f"{one.what:{width}} skipped: {one.skipped}")
            continue
        lines.append(f"{one.what:{width}} {one.points:7} {one.wrong:7} {one.lost:7} {one.manual:7}")
        if one.planned > one.points:
            lines.append(f"    of {one.planned:,} points, evenly spread; the others were not tried")
        if one.missed:
            lines.append(f"    {one.missed} more did not come by what was to be broken")
        lines += [f"    {note}" for note in one.notes]
    return "\n".join(lines)
