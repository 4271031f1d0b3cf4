"""Counting: labelled mentions against found ones, matched one to one where their spans overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol, TypeVar

from msgspec import Struct

from pipeline.places.gazetteer import kilometres
from pipeline.records import DateMention, PlaceMention, Span

NEAR = 5.0  # kilometres


class Spanned(Protocol):
    """Anything found in a text."""

    @property
    def span(self) -> Span: ...


Mention = TypeVar("Mention", bound=Spanned)


class Label(Struct, frozen=True, kw_only=True):
    """A mention as a person marked it."""

    start: int
    end: int
    asked: bool = True  # False: a system may find it or not
    place_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    valued: bool = False  # whether from and to are told
    date_from: date | None = None
    date_to: date | None = None


class Tally(Struct):
    """Sums over texts.  `valued` and `right` count matched mentions whose value is known, and right."""

    labelled: int = 0
    found: int = 0
    matched: int = 0
    valued: int = 0
    right: int = 0
    silent: int = 0  # texts without anything to find
    silent_broken: int = 0  # those in which something was found

    def add(self, other: Tally) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def precision(self) -> float:
        return self.matched / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.matched / self.labelled if self.labelled else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall.

        >>> Tally(labelled=4, found=2, matched=2).f1
        0.6666666666666666
        """
        both = self.labelled + self.found
        return 2 * self.matched / both if both else 0.0

    @property
    def value(self) -> float:
        """Share of right values among the matched mentions whose value is known."""
        return self.right / self.valued if self.valued else 0.0


class Outcome(Struct, frozen=True):
    """What became of the mentions of one text."""

    tally: Tally
    missed: list[Label]
    false: list[tuple[int, int]]
    wrong: list[tuple[Label, tuple[int, int]]]  # matched, with another value


def compare(
    labels: Sequence[Label],
    mentions: Sequence[Mention],
    fits: Callable[[Label, Mention], bool],
    right: Callable[[Label, Mention], bool | None],
) -> Outcome:
    """Match labels and mentions one to one where they overlap and fit, largest overlap first.

    A mention that overlaps only labels that are not asked for counts neither way.  `right` says whether the
    value is right, or None where no value is known.
    """
    pairs = sorted(
        (-_overlap(label, mention), number, other)
        for number, label in enumerate(labels)
        for other, mention in enumerate(mentions)
        if _overlap(label, mention) > 0 and fits(label, mention)
    )
    partner: dict[int, int] = {}  # label to mention
    for asked in (True, False):
        for _, number, other in pairs:
            if labels[number].asked is asked and number not in partner and other not in partner.values():
                partner[number] = other
    excused = {other for number, other in partner.items() if not labels[number].asked} | {
        other
        for other, mention in enumerate(mentions)
        if other not in partner.values()
        and any(_overlap(label, mention) > 0 and not label.asked for label in labels)
    }
    matched = {number: other for number, other in partner.items() if labels[number].asked}
    values = {number: right(labels[number], mentions[other]) for number, other in matched.items()}
    false = [
        other for other in range(len(mentions)) if other not in excused and other not in matched.values()
    ]
    asked_for = [number for number, label in enumerate(labels) if label.asked]
    tally = Tally(
        labelled=len(asked_for),
        found=len(mentions) - len(excused),
        matched=len(matched),
        valued=sum(value is not None for value in values.values()),
        right=sum(value is True for value in values.values()),
        silent=int(not asked_for),
        silent_broken=int(not asked_for and len(false) > 0),
    )
    return Outcome(
        tally,
        missed=[labels[number] for number in asked_for if number not in matched],
        false=[(mentions[other].span.start, mentions[other].span.end) for other in false],
        wrong=[
            (labels[number], (mentions[matched[number]].span.start, mentions[matched[number]].span.end))
            for number, value in values.items()
            if value is False
        ],
    )


def anything(label: Label, mention: Spanned) -> bool:  # noqa: ARG001  fits every pair
    """Overlap alone makes a match."""
    return True


def same_place(label: Label, mention: PlaceMention) -> bool:
    """The same id, or no further away than NEAR."""
    return mention.place.place_id == label.place_id or bool(_within(NEAR, label, mention))


def near_place(label: Label, mention: PlaceMention) -> bool | None:
    """Whether the place is within 161 km (100 miles), the measure of geoparsers; None without coordinates."""
    return _within(161.0, label, mention)


def not_asked(label: Label, mention: Spanned) -> None:
    """No value is known."""


def same_days(label: Label, mention: DateMention) -> bool | None:
    """Both ends equal; None where no value is told."""
    if not label.valued:
        return None
    return (label.date_from, label.date_to) == (mention.date_from, mention.date_to)


def _within(limit: float, label: Label, mention: PlaceMention) -> bool | None:
    if label.lat is None or label.lon is None:
        return None
    return kilometres(label.lat, label.lon, mention.place.lat, mention.place.lon) <= limit


def _overlap(label: Label, mention: Spanned) -> int:
    return min(label.end, mention.span.end) - max(label.start, mention.span.start)
