"""Finds the words that name dates in a batch of posts.

One look-up a token says how it looks to dates; the letters of the whole batch are one string, in which runs
of known words that hold something of a date are found.  Only these runs are read word by word.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import repeat
from typing import Final

from msgspec import Struct

from pipeline.dates.grammar import Rule, cues, grammar, neighbors, next_match, vetoes
from pipeline.dates.items import Item, read_items
from pipeline.dates.lexicon import UNKNOWN, lexicon
from pipeline.dates.reading import Reading, join, opened
from pipeline.dates.slots import WEEKDAYS, Context, Slots
from pipeline.records import DateMention
from pipeline.text import TokenBatch

# A run of known words, digits and signs with a core word, or with digits that a sign joins.
_RUN: Final = re.compile(r"(?<![^x])(?=[^xc]*+c|[^x]*?ds+d)[^x]++")
_CORE: Final = re.compile(r"[^xc]*+c|[^x]*?ds+d")  # what a part of a run has to hold
_TRIMMED: Final = frozenset(
    (
        "on",
        "in",
        "bi",
        "li",
        "and",
        "comma",
        "open",
        "close",
        "dash",
        "slash",
        "dot",
        "to",
        "after",
        "before",
        "of",
        "born",
    )
)
_TRIMMED_BEHIND: Final = frozenset(("comma", "open", "dash", "slash", "dot", "of", "on", "in", "the", "and"))
_KEEPS_LEAD: Final = frozenset(
    ("ago", "ahead", "day_span", "month_day_span", "year_span", "digits_span", "day_of_full_span")
)
_JOINS: Final = frozenset(("to", "until", "dash", "li"))
_NEVER_JOINED: Final = frozenset(("ago", "en_ago", "ahead", "window", "rolling", "later", "unit", "decade"))
_NEAR: Final = frozenset(
    ("and", "comma", "slash", "dash", "to", "until", "bi", "li", "dayword")
)  # between two days
_LINKS: Final = frozenset("\"'«“-_")  # may stand between a name and the date that belongs to it
_QUOTES: Final = frozenset("\"'«»“”„‹›")
_CLAUSE_ENDS: Final = frozenset(
    (
        *'.!?,:;-("',
        "\N{ARABIC QUESTION MARK}",
        "\N{ARABIC COMMA}",
        "\N{ARABIC SEMICOLON}",
        "\N{HORIZONTAL ELLIPSIS}",
    )
)
_SENTENCE_ENDS: Final = frozenset((".", "!", "?", "\N{ARABIC QUESTION MARK}", "\N{HORIZONTAL ELLIPSIS}"))


Told = tuple[Reading | None, Reading | None]  # the last date with a year, the last date


class Found(Struct):
    """A mention on the way: its items in the run, and what they mean."""

    rule: Rule
    first: int
    last: int
    items: list[Item]
    reading: Reading


def find_in_batch(tokens: TokenBatch, days: Sequence[date | None]) -> list[tuple[DateMention, ...]]:
    """The date mentions of every post, in order of their spans; see `pipeline.dates.find_dates`."""
    found: list[list[DateMention]] = [[] for _ in days]
    levels = "".join(map(lexicon().levels.get, tokens.surfaces, repeat(UNKNOWN)))
    breaks, hashtags, bounds = tokens.breaks, tokens.in_hashtag, tokens.bounds
    told_of = -1
    told: Told = (None, None)
    for run in _RUN.finditer(levels):
        begin, stop = run.span()
        while begin < stop:
            end = breaks.find(1, begin + 1, stop)
            end = stop if end < 0 else end
            end = _hashtag_end(hashtags, begin, end)
            post = bisect_right(bounds, begin) - 1
            if end - begin < stop - run.start() and not _CORE.match(levels, begin, end):
                begin = end  # the core of the run lies in another post, line or hashtag
                continue
            reader = _Reader(tokens, days[post], post, told if told_of == post else (None, None))
            found[post] += reader.read(begin, end)
            told_of, told = post, (reader.told, reader.named)
            begin = end
    return [tuple(mentions) for mentions in found]


def _hashtag_end(hashtags: bytearray, begin: int, end: int) -> int:
    """Where the hashtag, or the stretch without one, that starts at `begin` ends."""
    if not hashtags[begin]:
        following = hashtags.find(1, begin + 1, end)
        return end if following < 0 else following
    place = begin + 1
    while place < end and hashtags[place] == 2:
        place += 1
    return place


class _Reader:
    """Reads one run of known words."""

    def __init__(self, tokens: TokenBatch, day: date | None, post: int, told: Told) -> None:
        self.tokens = tokens
        self.day = day
        self.post = post
        self.bounds = (tokens.bounds[post], tokens.bounds[post + 1])
        self.told, self.named = told

    def read(self, begin: int, end: int) -> list[DateMention]:
        items = read_items(self.tokens, begin, end, lexicon())
        rules = grammar()
        letters = "".join([rules.letters[item.kind] for item in items])
        found: list[Found] = []
        place = 0
        while match := next_match(letters, place):
            name, start, stop = match
            place = max(stop, start + 1)
            after = found[-1] if found else None
            if after is not None and not _NEAR.issuperset(item.kind for item in items[after.last : start]):
                after = None
            one = self._resolve(rules.rules[name], (start, stop), items, None, after)
            if one is None:
                # the rest may still hold a date: "the week" of "the week 5 May"
                place = start + 1
                continue
            if name == "year_name" and not self._is_year(items[one.first]):
                continue
            if name == "day_alone" and not self._stands_alone(one):
                continue
            place = max(one.last, start + 1)
            found += _split(one)
            self._tell(one)
        kept: list[Found] = []
        for joined in self._joined(found, items):
            checked: Found | None = joined
            if self._vetoed(joined):
                checked = self._without_number(joined)
                if checked is not None and self._vetoed(checked):
                    checked = None
            if checked is not None:
                kept.append(checked)
        return [self._mention(one, items) for one in kept]

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
        if one.reading.grain in ("day", "month") or told is None or told.grain not in ("day", "month"):
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
        if (reading.dated and self._heads(one)) or reading.anchor == "text":
            self.told = reading
        if reading.grain != "range":
            self.named = reading

    def _is_of(self, word: str) -> bool:
        parts = lexicon().words.get(word, ())
        return len(parts) == 1 and parts[0].kind == "of"

    def _is_year(self, year: Item) -> bool:
        """Whether the words beside a bare number make it a year: a name, or a word of date_neighbors."""
        tokens, known = self.tokens, neighbors()
        low, high = self.bounds
        before, behind = year.first - 1, year.last
        first = before < low or bool(tokens.breaks[year.first])
        named = not first and tokens.surfaces[before] in known["before_year"]
        if behind >= high or tokens.breaks[behind]:
            return named or self._among_names(year)
        word = tokens.surfaces[behind]
        opens = first or tokens.surfaces[before] in _CLAUSE_ENDS
        if word in known["after_year"] and (opens or not word.isascii()):
            return True
        if named:
            return word not in known["no_year"]
        return self._among_names(year)

    def _stands_alone(self, day: Found) -> bool:
        """Whether "on the 12th" has nothing behind it that the 12th could be one of."""
        stop = day.items[day.last - 1].last
        if stop >= self.bounds[1] or self.tokens.breaks[stop]:
            return True
        word = self.tokens.surfaces[stop]
        return word in neighbors()["after_day"] or not (word.isalnum() or word in "-/:%'")

    def _among_names(self, year: Item) -> bool:
        """Whether a bare year stands among English names: capitals beside it, or a sign or an end behind."""
        tokens = self.tokens
        before, behind = year.first - 1, year.last
        low, high = self.bounds
        if tokens.in_hashtag[year.first] or before < low or tokens.breaks[year.first]:
            return False
        named = self._capital(before)
        if tokens.surfaces[before] == "," and before - 1 >= low:  # "Homs, 2012."
            named = self._capital(before - 1) and not tokens.breaks[before]
        if behind >= high or tokens.breaks[behind]:
            return named
        word = tokens.surfaces[behind]
        if word.isascii() and word.isalpha():
            return self._capital(behind) and (
                named or tokens.surfaces[before] in ("the", "for", "our", "this", "his", "prestigious")
            )
        return named and word in ".,:;!)|"

    def _capital(self, token: int) -> bool:
        tokens = self.tokens
        word = tokens.surfaces[token]
        if not (word.isascii() and word.isalpha() and len(word) > 1):
            return False
        span = tokens.normalized.span(tokens.starts[token], tokens.ends[token])
        return tokens.normalized.raw[self.post][span.start].isupper()

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
            self.day, lambda: self._future(words[0].first, words[-1].last), self.told, self.named, year, day
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
            or one.reading.edtf == two.reading.edtf
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

    def _opened(self, one: Found, items: list[Item]) -> Found:
        if one.rule.name in _NEVER_JOINED or one.rule.name in ("ago", "year_span"):
            return one
        kinds = [items[one.first].kind]
        back = one.first
        while back and items[back - 1].kind in ("the", "approx", "part", "and"):
            back -= 1
        if back:
            kinds.append(items[back - 1].kind)
        side = "end" if "since" in kinds else "start" if "until" in kinds else None
        if (
            side is None
            and "of" in kinds
            and one.reading.grain != "range"
            and self._lasts(items[one.last - 1])
        ):
            side = "end"
        if side is None or one.reading.first is None or one.reading.last is None:
            return one
        start = one.first if items[one.first].kind in ("since", "until", "of") else back - 1
        reading = opened(one.reading, "end" if side == "end" else "start")
        return Found(one.rule, start, one.last, items, reading)

    def _lasts(self, end: Item) -> bool:
        """Whether the words behind say that it still is so: "from 2011 and we wait" in dialect."""
        stop = end.last
        return stop < self.bounds[1] and self.tokens.surfaces[stop] in neighbors()["lasting"]

    def _vetoed(self, one: Found) -> bool:
        tokens, rules, name = self.tokens, vetoes(), one.rule.name
        items = one.items
        first = _trimmed(one)
        start = items[first].first
        stop = items[one.last - 1].last
        low, high = self.bounds
        dated = one.reading.dated
        if any(tokens.in_hashtag[items[first].first : stop]) and not (
            dated and (one.reading.grain == "day" or name in ("month_year", "full"))
        ):
            return True
        surfaces, breaks = tokens.surfaces, tokens.breaks
        if stop - start == 1:  # a word that only folding made a date, or a name in quotation marks
            span = tokens.normalized.span(items[first].start, items[one.last - 1].end)
            if rules["raw"].get(span.of(tokens.normalized.raw[self.post])):
                return True
            if low < start and stop < high and surfaces[start - 1] in _QUOTES and surfaces[stop] in _QUOTES:
                return True
        checks = []
        while start > low and surfaces[start - 1] in _LINKS and not breaks[start]:
            start -= 1
        if start > low and not breaks[start]:
            checks.append(("before", start - 1))
            checks.append(("near_before", start - 1))
            if start - 2 >= low and not breaks[start - 1]:
                checks.append(("near_before", start - 2))
            if first > one.first or items[first].first != one.items[max(first - 1, 0)].first:
                # "on", "in" before the date: the word before these counts too
                lead = items[one.first].first
                if low < lead < start and not breaks[lead]:
                    checks.append(("before", lead - 1))
        if stop < high and not breaks[stop]:
            checks.append(("after", stop))
            if stop + 1 < high and self._is_of(surfaces[stop]):
                checks.append(("after", stop + 1))
        for place, token in checks:
            for veto in rules[place].get(surfaces[token], ()):
                if (not veto.rules or name in veto.rules) and not (veto.spares_dated and dated):
                    return True
        return False

    def _future(self, first: int, last: int) -> bool:
        """Whether the sentence speaks of what is still to come: the nearest word with a tense decides.

        Words up to 14 before and 8 after are asked; of two at one distance the one before.
        """
        if self._led_by("since", first):
            return False
        tokens, tense = self.tokens, cues().tense
        surfaces, breaks = tokens.surfaces, tokens.breaks
        low, high = self.bounds
        nearest = 0
        distance = 15
        for place in range(first - 1, max(low, first - 14) - 1, -1):
            if breaks[place + 1] or surfaces[place] in _SENTENCE_ENDS:
                break
            nearest = tense(surfaces[place], surfaces[place + 1])
            if nearest:
                distance = first - place
                break
        for place in range(last, min(high, last + 8, last + distance)):
            if breaks[place] or surfaces[place] in _SENTENCE_ENDS:
                break
            found = tense(surfaces[place], surfaces[place + 1] if place + 1 < high else "")
            if found and place - last + 1 < distance:
                return found > 0
        return nearest > 0 or (nearest == 0 and self._led_by("until", first))

    def _led_by(self, kind: str, first: int) -> bool:
        """Whether the token `first` or the one before it is a word like "until" or "since"."""
        words = lexicon().words
        near = self.tokens.surfaces[max(first - 1, self.bounds[0]) : first + 1]
        return any(part.kind == kind for word in near for part in words.get(word, ()))

    def _mention(self, one: Found, items: list[Item]) -> DateMention:
        first = _trimmed(one)
        last = one.last
        while last > first + 1 and items[last - 1].kind in _TRIMMED_BEHIND:
            last -= 1
        reading = one.reading
        words = items[first:last]
        part = next(
            (item.value for item in words if item.kind == "part" and isinstance(item.value, str)), None
        )
        if part is None and any(item.kind in ("tonight", "lastnight") for item in words):
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


def _trimmed(found: Found) -> int:
    """The first item of the span: without "on", "in" and glued letters."""
    first = found.first
    keep = found.rule.name in _KEEPS_LEAD or (
        found.reading.grain == "range" and found.items[first].kind in ("of", "from")
    )
    while first < found.last - 1 and found.items[first].kind in _TRIMMED:
        if keep and found.items[first].kind in ("of", "after", "before", "in"):
            break
        first += 1
    return first
