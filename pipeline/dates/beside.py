"""What the words beside a mention say: that a number is a year, that a date is a name, what tense is told."""

from __future__ import annotations

from datetime import date
from typing import Final

from msgspec import Struct

from pipeline.dates.grammar import Rule, cues, neighbors, vetoes
from pipeline.dates.items import Item
from pipeline.dates.lexicon import AL, Lexicon
from pipeline.dates.reading import Reading
from pipeline.text import TokenBatch

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
_KEEPS_LEAD: Final = frozenset(
    (
        "ago",
        "ahead",
        "feast_beside",
        "day_span",
        "month_day_span",
        "year_span",
        "digits_span",
        "day_of_full_span",
    )
)
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


_OPENING: Final = frozenset(("of", "since", "until", "from"))
_QUESTIONS: Final = frozenset(("?", "\N{ARABIC QUESTION MARK}"))


class Found(Struct):
    """A mention on the way: its items in the run, and what they mean."""

    rule: Rule
    first: int
    last: int
    items: list[Item]
    reading: Reading


class Beside:
    """The words of one post, to be asked what stands beside a mention."""

    __slots__ = ("bounds", "lexicon", "post", "recall", "tokens")

    def __init__(self, tokens: TokenBatch, post: int, words: Lexicon, recall: bool) -> None:
        self.tokens = tokens
        self.post = post
        self.bounds = (tokens.bounds[post], tokens.bounds[post + 1])
        self.lexicon = words
        self.recall = recall

    def _is_of(self, word: str) -> bool:
        parts = self.lexicon.words.get(word, ())
        return len(parts) == 1 and parts[0].kind == "of"

    def season_year(self, season: Item) -> int | None:
        """0 for a season that names nothing ("spring water"); that of "Spring Offensive of 1918", or None."""
        place, surfaces, breaks = season.last, self.tokens.surfaces, self.tokens.breaks
        high = self.bounds[1]
        if place < high and surfaces[place] == "-":
            place += 1
        if place >= high or breaks[place] or surfaces[place] not in neighbors()["season_noun"]:
            return 0
        behind = surfaces[place + 1 : min(place + 3, high)]
        if len(behind) == 2 and behind[0] in ("of", "in") and len(behind[1]) == 4 and behind[1].isdigit():
            return int(behind[1])
        return None

    def is_year(self, year: Item, listed: bool) -> bool:
        """Whether the words beside a bare number make it a year: a name, or a word of date_neighbors.

        `listed`: another year stands right before it, with "and" between them.
        """
        if listed:
            return True
        tokens, known = self.tokens, neighbors()
        low, high = self.bounds
        before, behind = year.first - 1, year.last
        first = before < low or bool(tokens.breaks[year.first])
        named = not first and tokens.surfaces[before] in known["before_year"]
        if behind >= high or tokens.breaks[behind]:
            closing = not first and tokens.surfaces[before] in (",", *known["before_year_end"])
            return named or closing or self.recall or self._among_names(year)
        word = tokens.surfaces[behind]
        lead = "" if first else tokens.surfaces[before]
        noun = word in known["year_noun"] or word.removesuffix("s") in known["year_noun"]
        if noun and (
            lead in known["year_lead"] or not word.endswith("s") or (not first and self._capital(before))
        ):
            return True  # "the 1941 campaign"
        if (
            lead in known["year_lead"]
            and behind + 1 < high
            and tokens.surfaces[behind + 1] in known["year_noun"]
        ):
            return word.isascii() and word.isalpha()  # "the 2008 financial crisis"
        if first and word == ":" and not self.tokens.glued[behind + 1 : behind + 2].count(1):
            return True  # "2003: the invasion"
        if lead == "(" and word.isascii() and word.isalpha() and word not in known["no_year"]:
            return True  # "(2014 film)"
        if word == "'" and behind + 1 < high and tokens.surfaces[behind + 1] == "s":
            return True  # "1965's"
        if len(lead) > 1 and self._shouted(before) and word.isascii() and not word.endswith("s"):
            return word not in known["no_year"]  # "IFA 2014 offers" counts, "at IFA 2014 they" does not
        if (
            word in ".!"
            and lead.isascii()
            and lead.isalpha()
            and not lead.endswith("ed")
            and lead not in known["counting"]
        ):
            return isinstance(year.value, int) and 1990 <= year.value <= 2050  # "the photo clinic 2015."
        if lead in known["before_year_end"] and (word in known["after_day"] or word in _CLAUSE_ENDS):
            return True  # "until 1941."
        opens = first or tokens.surfaces[before] in _CLAUSE_ENDS
        if word in known["after_year"] and (opens or not word.isascii()):
            return True
        if named or self.recall:
            return word not in known["no_year"] and lead not in known["counting"]
        return self._among_names(year)

    def stands_alone(self, day: Found) -> bool:
        """Whether "on the 12th" has nothing behind it that the 12th could be one of."""
        stop = day.items[day.last - 1].last
        if stop >= self.bounds[1] or self.tokens.breaks[stop]:
            return True
        word = self.tokens.surfaces[stop]
        if day.rule.name == "weekday_number" and day.items[day.last - 1].kind == "ordinal":
            return True  # "Sun 18th"
        if not word.isascii():
            if day.items[day.first].kind == "dayword":  # "on day 27"
                return word not in neighbors()["no_year"]
            return day.rule.name != "day_alone" or not word.isalnum()
        return word in neighbors()["after_day"] or not (word.isalnum() or word in "-/:%'")

    def _among_names(self, year: Item) -> bool:
        """Whether a bare year stands among English names: capitals beside it, or a sign or an end behind."""
        tokens = self.tokens
        before, behind = year.first - 1, year.last
        low, high = self.bounds
        if tokens.in_hashtag[year.first] or before < low or tokens.breaks[year.first]:
            return False
        if not isinstance(year.value, int) or year.value < 1900:
            return False
        named = self._capital(before)
        if tokens.surfaces[before] == "," and before - 1 >= low:  # "Homs, 2012."
            named = self._capital(before - 1) and not tokens.breaks[before]
        if behind >= high or tokens.breaks[behind]:
            return named
        word = tokens.surfaces[behind]
        if word.isascii() and word.isalpha():
            return self._capital(behind) and (named or tokens.surfaces[before] in neighbors()["name_lead"])
        return named and word in ".,:;!)|"

    def _capital(self, token: int) -> bool:
        tokens = self.tokens
        word = tokens.surfaces[token]
        if not (word.isascii() and word.isalpha() and len(word) > 1):
            return False
        span = tokens.normalized.span(tokens.starts[token], tokens.ends[token])
        return tokens.normalized.raw[self.post][span.start].isupper()

    def _shouted(self, token: int) -> bool:
        """Whether a word is written in capitals only."""
        tokens = self.tokens
        span = tokens.normalized.span(tokens.starts[token], tokens.ends[token])
        word = span.of(tokens.normalized.raw[self.post])
        return word.isascii() and word.isalpha() and word.isupper()

    def vetoed(self, one: Found) -> bool:
        tokens, rules, name = self.tokens, vetoes(), one.rule.name
        items = one.items
        first = trimmed(one)
        start = items[first].first
        stop = items[one.last - 1].last
        low, high = self.bounds
        dated = one.reading.dated
        if any(tokens.in_hashtag[items[first].first : stop]) and not (
            dated and (one.reading.grain == "day" or name in ("month_year", "full"))
        ):
            return True
        surfaces, breaks = tokens.surfaces, tokens.breaks
        if (
            name == "year_bare"
            and low < start
            and surfaces[start - 1] in neighbors()["counting_lead"]
            and stop < high
            and surfaces[stop].isalpha()
        ):
            return True  # "over 2000 rescue calls"
        if stop - start == 1:  # a word that only folding made a date, or a name in quotation marks
            span = tokens.normalized.span(items[first].start, items[one.last - 1].end)
            if rules["raw"].get(span.of(tokens.normalized.raw[self.post])):
                return True
            if low < start and stop < high and surfaces[start - 1] in _QUOTES and surfaces[stop] in _QUOTES:
                return True
        opened = items[first].kind in _OPENING or (
            first > one.first and any(item.kind in _OPENING for item in items[one.first : first])
        )
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
                if place == "before" and opened and veto.rules:
                    continue  # no family name stands behind "since"
                if (not veto.rules or name in veto.rules) and not (veto.spares_dated and dated):
                    return True
        return False

    def tense(self, first: int, last: int) -> int:
        """1 where the sentence speaks of what is still to come, -1 of what was: the nearest word decides.

        Words up to 14 before and 8 after are asked; of two at one distance the one before.
        """
        if self.led_by("since", first) or (self.led_by("of", first) and self.lasts(first, last)):
            return -1
        tokens, tense = self.tokens, cues().tense
        surfaces, breaks = tokens.surfaces, tokens.breaks
        low, high = self.bounds
        nearest = 0
        distance = 15
        for place in range(first - 1, max(low, first - 14) - 1, -1):
            if breaks[place + 1] or surfaces[place] in _SENTENCE_ENDS:
                break
            nearest = tense(surfaces[place], surfaces[place + 1], surfaces[place - 1] if place > low else "")
            if nearest:
                distance = first - place
                break
        for place in range(last, min(high, last + 8, last + distance)):
            if breaks[place] or surfaces[place] in _SENTENCE_ENDS:
                break
            found = tense(
                surfaces[place], surfaces[place + 1] if place + 1 < high else "", surfaces[place - 1]
            )
            if found and place - last + 1 < distance:
                return found
        if nearest:
            return nearest
        return int(self.led_by("until", first) or self.led_by("li", first) or self._asked(last))

    def _asked(self, last: int) -> bool:
        """Whether the sentence goes on to a question mark: without a word of the past it asks for a plan."""
        surfaces, breaks = self.tokens.surfaces, self.tokens.breaks
        for place in range(last, min(self.bounds[1], last + 8)):
            if breaks[place] or surfaces[place] in _SENTENCE_ENDS:
                return not breaks[place] and surfaces[place] in _QUESTIONS
        return False

    def led_by(self, kind: str, first: int) -> bool:
        """Whether the token `first` or the one before it is a word like "until" or "since"."""
        words = self.lexicon.words
        near = self.tokens.surfaces[max(first - 1, self.bounds[0]) : first + 1]
        return any(part.kind == kind for word in near for part in words.get(word, ()))

    def begins(self, one: Found, lead: int, day: date | None) -> bool:
        """Whether "from" at the token `lead` says that something began or will begin then, and goes on.

        It does where the sentence begins with it, where the day is yet to come, and beside words of lasting;
        it does not behind what is only a part of the day or was made on it ("a picture from Monday").
        """
        first, stop = one.items[one.first].first, one.items[one.last - 1].last
        surfaces, breaks = self.tokens.surfaces, self.tokens.breaks
        opens = lead == self.bounds[0] or bool(breaks[lead]) or surfaces[lead - 1] in _CLAUSE_ENDS
        if not opens and surfaces[lead - 1] in neighbors()["partial"]:
            return False
        if opens or self.lasts(min(first, lead), stop):
            return True
        begin, grain = one.reading.first, one.reading.grain
        if day is None or begin is None or grain not in ("day", "week", "month", "year"):
            return False
        return grain == "day" or begin > day or self.onward(one, None)

    def onward(self, one: Found, day: date | None) -> bool:
        """Whether "from X" has no end: "onwards" stands behind it, or a day to come before its own end."""
        stop, high = one.items[one.last - 1].last, self.bounds[1]
        if stop < high and not self.tokens.breaks[stop]:
            behind = self.tokens.surfaces[stop]
            if behind in neighbors()["onward"]:
                return True
        begin = one.reading.first
        return day is not None and begin is not None and begin > day and one.reading.grain in ("day", "month")

    def is_deadline(self, one: Found, day: date | None) -> bool:
        """Whether "before X" sets a term: a day to come, in words of what is to come."""
        begin = one.reading.first
        if day is None or begin is None or begin <= day or one.reading.grain not in ("day", "month"):
            return False
        return self.tense(one.items[one.first].first, one.items[one.last - 1].last) > 0

    def planned(self, one: Found) -> bool:
        """Whether a word that is also a weekday stands beside words of going and meeting, or a time."""
        known, surfaces, breaks = neighbors()["planned"], self.tokens.surfaces, self.tokens.breaks
        first, stop = one.items[one.first].first, one.items[one.last - 1].last
        if not surfaces[first].startswith(AL):
            return False
        if first > self.bounds[0] and not breaks[first] and surfaces[first - 1] in known:
            return True
        return stop < self.bounds[1] and not breaks[stop] and surfaces[stop] in known

    def counts_back(self, one: Found) -> bool:
        """Whether Maghrebi "this month" is a length of time: "this month that I wait"."""
        kinds = [item.kind for item in one.items[one.first : one.last]]
        stop = one.items[one.last - 1].last
        if len(kinds) != 2 or kinds[0] != "this" or kinds[1] not in ("weekword", "monthword", "yearword"):
            return False
        if stop >= self.bounds[1] or self.tokens.breaks[stop]:
            return False
        word = self.tokens.surfaces[stop]
        return not word.isascii() and (word in neighbors()["lasting"] or word in ("ما", "من"))

    def ends_year(self, one: Found) -> bool:
        """Whether two digits behind a month count nothing: the clause ends, or a new one begins."""
        stop = one.items[one.last - 1].last
        if stop >= self.bounds[1] or self.tokens.breaks[stop]:
            return True
        word = self.tokens.surfaces[stop]
        return not word.isalnum() or word in neighbors()["after_year"] or word in neighbors()["after_short"]

    def lasts(self, first: int, stop: int) -> bool:
        """Whether the words beside say that it still is so: "missing from July", "from 2011 and we wait"."""
        known = neighbors()
        surfaces, breaks = self.tokens.surfaces, self.tokens.breaks
        if stop < self.bounds[1] and surfaces[stop] in known["lasting"]:
            return True
        for place in range(first - 1, max(self.bounds[0], first - 7) - 1, -1):
            if breaks[place + 1] or surfaces[place] in _SENTENCE_ENDS:
                return False
            if surfaces[place] in known["lasting_before"]:
                return True
        return False


def trimmed(found: Found) -> int:
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
