"""Reads one run of known words: which rules fit, what the mentions mean, how two of them join."""

from __future__ import annotations

from datetime import date
from typing import Final

from pipeline.dates.beside import Beside, Found, trimmed
from pipeline.dates.grammar import Rule, grammar, next_match
from pipeline.dates.items import Item
from pipeline.dates.reading import Reading, join, opened
from pipeline.dates.runs import read_run
from pipeline.dates.slots import WEEKDAYS, Context, Slots
from pipeline.records import DateHabits, DateMention

_TRIMMED_BEHIND: Final = frozenset(("comma", "open", "dash", "slash", "dot", "of", "on", "in", "the", "and"))
_JOINS: Final = frozenset(("to", "until", "dash", "li"))
_NEVER_JOINED: Final = frozenset(("ago", "en_ago", "ahead", "window", "rolling", "later", "unit", "decade"))
_NEAR: Final = frozenset(
    ("and", "comma", "slash", "dash", "to", "until", "bi", "li", "dayword")
)  # between two days
_SENTENCE_ENDS: Final = frozenset((".", "!", "?", "\N{ARABIC QUESTION MARK}", "\N{HORIZONTAL ELLIPSIS}"))


_ENDS_BEFORE: Final = frozenset(("comma", "close", "dot", "and", "rel", "weekday", "junk", "tonight"))


class Reader:
    """Reads the runs of one post, one after the other; keeps what was told."""

    def __init__(
        self, beside: Beside, day: date | None, habits: DateHabits, told: Reading | None = None
    ) -> None:
        self.beside = beside
        self.tokens = beside.tokens
        self.bounds = beside.bounds
        self.recall = beside.recall
        self.feasts = habits.feasts
        self.mdy = habits.day_order == "mdy"
        self.day = day
        self.told = told  # the last date with a year
        self.named: Reading | None = None  # the last date
        self.begun: Reading | None = None  # the first day or month with a year

    def read(self, begin: int, end: int) -> list[DateMention]:
        run = read_run(self.tokens, begin, end, self.feasts)
        letters, items, rules = run.letters, run.items, grammar(self.recall)
        found: list[Found] = []
        place = 0
        while match := next_match(letters, place, self.recall):
            name, start, stop = match
            place = max(stop, start + 1)
            after = found[-1] if found else None
            if after is not None and not _NEAR.issuperset(item.kind for item in items[after.last : start]):
                after = None
            shared = self.beside.season_year(items[stop - 1]) if name == "season_noun" else None
            if shared == 0:
                continue
            one = self._resolve(rules.rules[name], (start, stop), items, shared, after)
            if one is None:
                # the rest may still hold a date: "the week" of "the week 5 May"
                place = start + 1
                continue
            if name == "year_name" and not self.beside.is_year(items[one.first], self._listed(one, after)):
                continue
            if name == "day_alone" and not self.beside.stands_alone(one):
                continue
            if name == "unit" and self.beside.counts_back(one):
                one = self._resolve(rules.rules["ago"], (start, stop), items, shared, after) or one
            if name == "weekday_spoken" and not self.beside.planned(one):
                continue
            if name == "month_short_year" and not self.beside.ends_year(one):
                place = start + 1
                continue
            if name == "weekday_number" and not self.beside.stands_alone(one):
                one = self._without_number(one) or one
            if name == "en_day_list" and not self.beside.stands_alone(one):
                # "on May 4 and 5 others": the last number counts
                cut = max(p for p in range(start, stop) if items[p].kind == "and")
                again = next_match(letters[:cut], start, self.recall)
                shorter = again and self._resolve(rules.rules[again[0]], again[1:], items, None, after)
                if not shorter:
                    continue
                one = shorter
            place = max(one.last, start + 1)
            found += _split(one)
            self._tell(one)
        kept: list[Found] = []
        for joined in self._joined(found, items):
            checked: Found | None = joined
            if self.beside.vetoed(joined):
                checked = self._without_number(joined)
                if checked is not None and self.beside.vetoed(checked):
                    checked = None
            if checked is not None:
                kept.append(checked)
        return [self._mention(one, items) for one in kept]

    def _listed(self, year: Found, after: Found | None) -> bool:
        """Whether it is the second of "in 1782 and 1783"."""
        joint = year.items[year.first - 1].kind if year.first else ""
        return after is not None and after.reading.grain == "year" and joint in ("and", "or")

    def _without_number(self, one: Found) -> Found | None:
        """The weekday alone, where the number behind it counts something: "Monday, 25 dead"."""
        if one.rule.name != "weekday_number" or one.reading.grain != "day":
            return None
        last = next(n for n in range(one.last, one.first, -1) if one.items[n - 1].kind in WEEKDAYS)
        return self._resolve(grammar().rules["weekday"], (one.first, last), one.items, None)

    def _heads(self, one: Found) -> bool:
        """Whether a date with a year takes over the story.

        A day or month does; a bare year inside a sentence ("plans for 1976") only until a day is told.
        """
        told = self.told
        if (
            one.reading.grain in ("day", "month", "season")
            or told is None
            or told.grain not in ("day", "month")
        ):
            return True
        place = one.items[one.first].first
        for token in range(place, max(self.bounds[0], place - 3) - 1, -1):
            if token == self.bounds[0] or self.tokens.breaks[token]:
                return True
            if self.tokens.surfaces[token - 1] in _SENTENCE_ENDS:
                return True
        return False

    def _tell(self, one: Found) -> None:
        """Keep what the text named, for what is told after it."""
        reading = one.reading
        if reading.first is None:
            return
        if reading.grain == "decade" and self.told is not None:
            return
        if self.begun is None and reading.dated and reading.grain in ("day", "month") and not self._born(one):
            self.begun = reading
        if (reading.dated and self._heads(one)) or reading.anchor == "text":
            self.told = reading
        if reading.grain != "range" or "fuzzy" in reading.flags:
            self.named = reading

    def _born(self, one: Found) -> bool:
        """Whether it is the day of a birth, of which no story goes on."""
        first = one.items[one.first].first
        return any(self.beside.led_by("born", place) for place in (first, max(first - 2, self.bounds[0])))

    def _resolve(
        self,
        rule: Rule,
        place: tuple[int, int],
        items: list[Item],
        year: int | None,
        after: Found | None = None,
    ) -> Found | None:
        first, last = place
        words = items[first:last]
        day = after.reading.last if after is not None and after.reading.grain == "day" else None
        context = Context(
            self.day,
            lambda: self.beside.tense(words[0].first, words[-1].last),
            self.told,
            self.named,
            year,
            day,
            self.mdy,
            self.recall,
        )
        try:
            reading = rule.resolve(Slots(words), context)
        except OverflowError:  # days before year 1 or after 9999
            reading = None
        if reading is None:
            return None
        if reading.used is not None:
            last = first + reading.used
        return Found(rule, first, last, items, reading)

    def _joined(self, found: list[Found], items: list[Item]) -> list[Found]:
        """Two dates with "to", "until", "-" or "between ... and" make one period."""
        joined: list[Found] = []
        for two in found:
            one = joined[-1] if joined else None
            made = self._join(one, two, items) if one is not None else None
            if made is not None:
                joined[-1] = made
            else:
                joined.append(two)
        for place, one in enumerate(joined):
            joined[place] = self._opened(one, items)
        return joined

    def _join(self, one: Found, two: Found, items: list[Item]) -> Found | None:
        if one.rule.name in _NEVER_JOINED or two.rule.name in _NEVER_JOINED:
            return None
        between = [item.kind for item in items[one.last : two.first]]
        if self._twice(one, two, between):
            return Found(two.rule, one.first, two.last, items, two.reading)
        lead, inner = _lead(two)
        between += lead
        before = items[one.first - 1].kind if one.first else ""
        opening = items[one.first].kind
        kinds = [kind for kind in between if kind not in ("on", "the", "and", "bi")]
        if "between" in (before, opening):
            if "and" not in between or kinds:
                return None
        elif (
            len(kinds) != 1
            or kinds[0] not in _JOINS
            or (kinds == ["dash"] and one.reading.grain != two.reading.grain)
            or (one.reading.edtf, one.reading.timex) == (two.reading.edtf, two.reading.timex)
        ):
            return None
        first, second = one.reading, two.reading
        if inner > two.first:
            again = self._resolve(two.rule, (two.first, two.last), items, None)
            second = again.reading if again is not None else second
        if second.dated and not first.dated and second.first is not None:
            again = self._resolve(one.rule, (one.first, one.last), items, second.first.year)
            first = again.reading if again is not None else first
        whole = join(first, second)
        if whole is None and second.first is not None and first.first is not None and not second.dated:
            again = self._resolve(two.rule, (two.first, two.last), items, first.first.year + 1)
            whole = join(first, again.reading) if again is not None else None
        if whole is None:
            return None
        start = one.first - 1 if before in ("between", "from", "of") else one.first
        return Found(one.rule, start, two.last, items, whole)

    def _twice(self, one: Found, two: Found, between: list[str]) -> bool:
        """Whether the second gives the same day by the other calendar: "12/1/1441 AH, that is 11/9/2019"."""
        first, second = one.reading, two.reading
        kinds = {first.calendar, second.calendar}
        if len(kinds) != 2 or second.calendar == "hijri" or first.grain != "day" or second.grain != "day":
            return False
        if first.first is None or second.first is None or abs((first.first - second.first).days) > 2:
            return False
        named = "dated" in between or any(item.kind == "dated" for item in two.items[two.first : two.last])
        return named and {"dated", "comma", "on", "open", "li", "bi", "dash", "slash"}.issuperset(between)

    def _opened(self, one: Found, items: list[Item]) -> Found:
        if one.rule.name in _NEVER_JOINED or one.rule.name in ("ago", "year_span"):
            return one
        kinds = [items[one.first].kind]
        back = one.first
        while back and items[back - 1].kind in ("the", "approx", "part", "and"):
            back -= 1
        if back:
            kinds.append(items[back - 1].kind)
        lead = items[back - 1] if back else items[one.first]
        side = (
            "end"
            if "since" in kinds or (lead.kind == "from" and lead.value == 1)
            else "start"
            if "until" in kinds or ("before" in kinds and self.beside.is_deadline(one, self.day))
            else None
        )
        if side is None and one.reading.grain != "range":
            of_it = items[one.first] if kinds[0] == "of" else lead
            before = items[back - 2] if of_it is lead and back > 1 else None
            led = of_it.kind == "of" and of_it.value == 1
            if led and (before is None or before.last != lead.first or before.kind in _ENDS_BEFORE):
                side = "end" if self.beside.begins(one, of_it.first, self.day) else None
            elif of_it.kind == "from" and self.beside.onward(one, self.day):
                side = "end"
        if side is None or one.reading.first is None or one.reading.last is None:
            return one
        start = one.first if items[one.first].kind in ("since", "until", "of") else back - 1
        reading = opened(one.reading, "end" if side == "end" else "start")
        return Found(one.rule, start, one.last, items, reading)

    def _mention(self, one: Found, items: list[Item]) -> DateMention:
        first = trimmed(one)
        last = one.last
        while last > first + 1 and items[last - 1].kind in _TRIMMED_BEHIND:
            last -= 1
        reading = one.reading
        words = items[first:last]
        part = None
        for item in words:
            if item.kind == "part" and isinstance(item.value, str):
                part = item.value
                break
            if item.kind in ("tonight", "lastnight"):
                part = "NI"
        open_side = "none"
        if reading.first is not None and reading.last is None:
            open_side = "end"
        elif reading.last is not None and reading.first is None:
            open_side = "start"
        confidence = one.rule.confidence
        if "ambiguous_order" in reading.flags or "weekday_conflict" in reading.flags:
            confidence = "low" if confidence == "low" else "medium"
        return DateMention(
            span=self.tokens.normalized.span(words[0].start, words[-1].end),
            date_from=reading.first,
            date_to=reading.last,
            open=open_side,  # type: ignore[arg-type]
            edtf=reading.edtf,
            timex=reading.timex,
            grain=reading.grain,
            calendar=reading.calendar,
            part_of_day=part,
            anchor=reading.anchor,
            anchor_date=reading.anchor_date,
            confidence=confidence,
            flags=reading.flags,
            alternatives=reading.alternatives,
            rule=one.rule.name,
        )


def _split(found: Found) -> list[Found]:
    """A list of days as one mention each."""
    if not found.reading.parts:
        return [found]
    return [
        Found(found.rule, found.first + begin, found.first + end, found.items, reading)
        for begin, end, reading in found.reading.parts
    ]


def _lead(found: Found) -> tuple[list[str], int]:
    """The joining words that a rule took as its lead: "until" of "until Friday"."""
    kinds = []
    place = found.first
    while place < found.last and found.items[place].kind in (*_JOINS, "and", "bi", "on", "from", "of"):
        kinds.append(found.items[place].kind)
        place += 1
    return kinds, place
