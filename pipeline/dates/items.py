"""Runs of date words become items: words with a class, compound words as one, and numbers that were read."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dates.lexicon import Lexicon, Part, Value
from pipeline.text import TokenBatch

SIGNS: Final = {"/": "slash", "-": "dash", ".": "dot", "–": "dash", "—": "dash"}
Segment = list[tuple[int, int]]  # number and its width


class Item(Struct, frozen=True):
    """One word of the grammar."""

    kind: str  # class
    value: Value
    start: int  # in normalized.text
    end: int
    first: int  # tokens, half-open
    last: int


class Words(NamedTuple):
    """What of a `TokenBatch` is read here, for words that stand in none."""

    surfaces: list[str]
    starts: list[int]
    ends: list[int]
    glued: bytearray


def read_items(tokens: TokenBatch | Words, first: int, last: int, lexicon: Lexicon) -> list[Item]:
    """The items of tokens `first` .. `last - 1`, which all are known words, digits or signs."""
    reader = _Reader(tokens, last, lexicon)
    at = first
    while at < last:
        digits = tokens.surfaces[at].isdigit() and not reader.spelled(at)
        at = reader.number(at) if digits else reader.word(at)
    return reader.items


class _Reader:
    """Reads the tokens of one run, one item after the other."""

    def __init__(self, tokens: TokenBatch | Words, last: int, lexicon: Lexicon) -> None:
        self.tokens = tokens
        self.last = last
        self.lexicon = lexicon
        self.items: list[Item] = []

    def word(self, at: int) -> int:
        """Read the word or phrase at `at`; the token behind it."""
        tokens = self.tokens
        parts, stop = self._meaning(at)
        start = tokens.starts[at]
        for number, part in enumerate(parts):
            end = start + parts[number + 1].skip if number + 1 < len(parts) else tokens.ends[stop - 1]
            self.items.append(Item(part.kind, part.value, start + part.skip, end, at, stop))
        if not parts:
            return self._junk(at, stop)
        if parts[0].kind == "thousand":
            return self._thousand(stop)
        if parts[0].kind in ("suffix", "decadesuffix"):  # only good right behind their number
            self.items.pop()
            return self._junk(at, stop)
        return stop

    def spelled(self, at: int) -> bool:
        """Whether a digit is a syllable: "2moro"."""
        if self.tokens.surfaces[at] not in self.lexicon.phrases or at + 1 >= self.last:
            return False
        return bool(self.tokens.glued[at + 1]) and self._meaning(at)[1] > at + 1

    def number(self, at: int) -> int:
        """Read the digits at `at` and what hangs on them; the token behind it."""
        surfaces, glued = self.tokens.surfaces, self.tokens.glued
        numbers, signs, stop = self._chain(at)
        before = surfaces[at - 1] if glued[at] and at > 0 else ""
        behind = surfaces[stop] if stop < len(surfaces) and glued[stop] else ""
        digits_follow = (
            bool(behind) and stop + 1 < len(surfaces) and glued[stop + 1] and surfaces[stop + 1].isdigit()
        )
        if (
            behind in ("%", "°")
            or (
                digits_follow and (behind in SIGNS or behind in (":", ",", "،", "٫"))
            )  # more digits than a date has
            or before in (":", "+", "$", "€", "£", "°", "=")
            or (before in ("/", "-", ".", ",") and self._digit_before(at - 1))
            or (not signs and before.isascii() and before.isalpha() and before != "q")  # B52
            or (before == "-" and self._letter_before(at - 1))  # U-1945
        ):
            while stop < self.last and glued[stop] and (surfaces[stop].isdigit() or self._digit_behind(stop)):
                stop += 1
            return self._junk(at, stop)
        short = before == "'" and not signs and numbers[0][1] == 2
        made = [("shortyear", _century(numbers[0][0]), 1)] if short else _read_chain(numbers, signs)
        if made is None:
            return self._junk(at, stop)
        token = at
        for kind, value, width in made:
            last = token + width
            self.items.append(
                Item(kind, value, self.tokens.starts[token], self.tokens.ends[last - 1], token, last)
            )
            token = last
        return self._suffix(stop) if behind and not signs else stop

    def _meaning(self, at: int) -> tuple[tuple[Part, ...], int]:
        """What the longest phrase at `at` stands for, and the token behind it."""
        surfaces = self.tokens.surfaces
        for further, parts in self.lexicon.phrases.get(surfaces[at], ()):
            stop = at + 1 + len(further)
            if stop <= self.last and surfaces[at + 1 : stop] == further:
                return parts, stop
        return self.lexicon.words.get(surfaces[at], ()), at + 1

    def _junk(self, at: int, stop: int) -> int:
        self.items.append(Item("junk", 0, self.tokens.starts[at], self.tokens.ends[stop - 1], at, stop))
        return stop

    def _chain(self, at: int) -> tuple[Segment, list[str], int]:
        """Numbers and the signs between them, from `at` on, and the token behind them."""
        surfaces, glued = self.tokens.surfaces, self.tokens.glued
        numbers: Segment = [(int(surfaces[at]), len(surfaces[at]))]
        signs: list[str] = []
        stop = at + 1
        while stop + 1 < self.last and surfaces[stop] in SIGNS and surfaces[stop + 1].isdigit():
            tight = glued[stop] and glued[stop + 1]
            # "10 / 2 / 2016"; a dash with spaces stands between two dates, but for "28 - 2 - 2016"
            spaced = (surfaces[stop] == "/" and len(numbers) < 3) or _spaced_dashes(surfaces, at, self.last)
            if not tight and not spaced:
                break
            signs.append(SIGNS[surfaces[stop]])
            numbers.append((int(surfaces[stop + 1]), len(surfaces[stop + 1])))
            stop += 2
            if len(numbers) > 12:  # no date; the rest is read anew
                break
        return numbers, signs, stop

    def _digit_before(self, sign: int) -> bool:
        return sign > 0 and bool(self.tokens.glued[sign]) and self.tokens.surfaces[sign - 1].isdigit()

    def _letter_before(self, sign: int) -> bool:
        """Whether one letter or two stand right before a sign: the name of a machine."""
        surfaces = self.tokens.surfaces
        if sign <= 0 or not self.tokens.glued[sign]:
            return False
        return len(surfaces[sign - 1]) <= 2 and surfaces[sign - 1].isascii() and surfaces[sign - 1].isalpha()

    def _digit_behind(self, sign: int) -> bool:
        """Whether a sign of a number is followed by more of it."""
        tokens = self.tokens
        if tokens.surfaces[sign] == "%":
            return True
        if tokens.surfaces[sign] not in ":.,/-" or sign + 1 >= self.last:
            return False
        return bool(tokens.glued[sign + 1]) and tokens.surfaces[sign + 1].isdigit()

    def _suffix(self, stop: int) -> int:
        """Read "rd" of "3rd" and "s" of "1980s"; a number with other letters behind it is a measure."""
        tokens, number = self.tokens, self.items[-1]
        letters = tokens.surfaces[stop]
        kinds = [part.kind for part in self.lexicon.words.get(letters, ())]
        end = stop + 1
        if kinds == ["apostrophe"] and tokens.surfaces[end : end + 1] == ["s"] and tokens.glued[end]:
            kinds, end = ["decadesuffix"], stop + 2
        decade = (
            number.kind in ("year", "shortyear") and isinstance(number.value, int) and number.value % 10 == 0
        )
        if kinds == ["suffix"] and number.kind == "num":
            self.items[-1] = replace(number, kind="ordinal", end=tokens.ends[stop], last=end)
            return end
        if kinds == ["decadesuffix"] and decade:
            self.items[-1] = replace(number, kind="decade", end=tokens.ends[end - 1], last=end)
            return end
        if not kinds and letters.isascii() and letters.isalpha():  # 10km, 3pm
            self.items[-1] = replace(number, kind="junk")
        return stop

    def _thousand(self, at: int) -> int:
        """Read on behind "two thousand" in words: a year, if it can be one; the token behind it."""
        total = self.items[-1].value
        assert isinstance(total, int)
        stop = at
        while stop < self.last:
            parts, after = self._meaning(stop)
            if [part.kind for part in parts] == ["and"] and after < self.last:  # "two thousand and fifteen"
                parts, after = self._meaning(after)
                linked = True
            else:
                linked = (len(parts) == 2 and parts[0].kind == "and") or self.tokens.surfaces[stop].isascii()
            if not linked or not parts:
                break
            value = parts[-1].value
            if parts[-1].kind == "wweekday" and value == 0:  # the word for Monday is the word for two
                value = 2
            elif parts[-1].kind not in ("number", "hundred"):
                break
            assert isinstance(value, int)
            total, stop = total + value, after
        kind = "yearwords" if 1700 <= total <= 2099 else "count"
        self.items[-1] = replace(
            self.items[-1], kind=kind, value=total, end=self.tokens.ends[stop - 1], last=stop
        )
        return stop


def _spaced_dashes(surfaces: list[str], at: int, last: int) -> bool:
    """Whether "28 - 2 - 2016" begins here."""
    chain = surfaces[at : min(at + 5, last)]
    return (
        len(chain) == 5
        and chain[1] == chain[3] == "-"
        and (chain[0] + chain[2] + chain[4]).isdigit()
        and sorted((len(chain[0]), len(chain[4])))[1] == 4
        and min(len(chain[0]), len(chain[4])) <= 2 >= len(chain[2])
    )


Made = list[tuple[str, Value, int]]  # class, value, tokens


def _read_chain(numbers: Segment, signs: list[str]) -> Made | None:
    """What a chain of numbers and signs is; None for what is no date (a version, a telephone number)."""
    if not signs:
        return [(_kind(*numbers[0]), numbers[0][0], 1)]
    if "dash" in signs and len(set(signs)) == 2:  # 12-14/3/2016, 10/2-15/2/2016: the dash parts two dates
        made: Made = []
        begin = 0
        for place in [*(p for p, sign in enumerate(signs) if sign == "dash"), len(signs)]:
            inner = _read_chain(numbers[begin : place + 1], signs[begin:place])
            if inner is None:
                return None
            made += inner
            if place < len(signs):
                made.append(("dash", 0, 1))
            begin = place + 1
        return made
    if len(set(signs)) != 1:
        return None
    width = 2 * len(numbers) - 1
    if len(numbers) == 3:
        full = read_full(numbers, signs[0])
        return [("full", full, width)] if full else None
    if len(numbers) != 2:
        return None
    (one, one_width), (two, two_width) = numbers
    if 1900 <= two <= 2099 and two_width == 4 and 1 <= one <= 12 and one_width <= 2:
        return [("ym", (two, one), width)]
    if 1900 <= one <= 2099 and one_width == 4 and 1 <= two <= 12 and (two_width == 2 or signs[0] != "dash"):
        return [("ym", (one, two), width)]
    if signs[0] == "dash":
        return [(_kind(one, one_width), one, 1), ("dash", 0, 1), (_kind(two, two_width), two, 1)]
    if signs[0] == "slash":
        if (
            one_width <= 2
            and two_width <= 2
            and ((1 <= one <= 31 and 1 <= two <= 12) or (1 <= one <= 12 and 1 <= two <= 31))
        ):
            return [("dm", (one, two), width)]
        if one_width == two_width == 4:
            return [(_kind(one, 4), one, 1), ("slash", 0, 1), (_kind(two, 4), two, 1)]
    if signs[0] == "dot" and one_width <= 2 and two_width == 2 and 1 <= one <= 31 and 1 <= two <= 12:
        return [("dotted", (one, two), width)]
    return None


def read_full(numbers: Segment, sign: str) -> tuple[int, ...] | None:
    """Day, month and year in digits: (year, month, day, other month, other day, century guessed).

    A first part of four digits is the year, else the last is; a part above 12 is no month; where both orders
    are days of the calendar, day before month is taken and the other reading kept (else 0, 0).
    """
    (a, a_width), (b, b_width), (c, c_width) = numbers
    if a_width == 4 and b_width <= 2 and c_width <= 2:
        orders, guessed = [(a, b, c), (a, c, b)], 0
    elif c_width == 4 and a_width <= 2 and b_width <= 2:
        orders, guessed = [(c, b, a), (c, a, b)], 0
    elif a_width <= 2 and b_width <= 2 and c_width == 2 and (sign == "slash" or a_width + b_width > 2):
        century = 2000 if c < 50 else 1900
        orders, guessed = [(century + c, b, a), (century + c, a, b)], 1
    else:
        return None
    good = [
        o
        for o in orders
        if 1 <= o[1] <= 12 and 1 <= o[2] <= 31 and (1300 <= o[0] <= 1500 or 1800 <= o[0] <= 2199)
    ]
    if not good:
        return None
    year, month, number = good[0]
    ambiguous = len(good) == 2 and month != number and a_width != 4
    return (year, month, number, number if ambiguous else 0, month if ambiguous else 0, guessed)


def _century(short: int) -> int:
    """The year of two digits: until 2029, else of the last century."""
    return short + (2000 if short < 30 else 1900)


def _kind(number: int, width: int) -> str:
    if width == 4:
        return "year" if 1700 <= number <= 2099 else "hyear" if 1300 <= number <= 1499 else "count"
    return "num" if width <= 2 and 1 <= number <= 31 else "count"
