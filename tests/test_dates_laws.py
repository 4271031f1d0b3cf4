"""Laws that hold for the dates of any post: valid EDTF and TIMEX3, the same answer in every spelling, linear time."""

from __future__ import annotations

import json
import random
import re
import time
import unicodedata
from calendar import monthrange
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.data import rows
from pipeline.dates import USUAL, find_dates
from pipeline.records import Anchor, DateHabits, DateMention
from pipeline.text import find_marks, normalize, normalize_batch, tokenize

DAY = date(2016, 2, 17)
SAMPLES = Path(__file__).parent.parent / "samples" / "gold.jsonl"


def read_all(
    texts: list[str], day: date | None = DAY, habits: DateHabits = USUAL
) -> list[tuple[DateMention, ...]]:
    tokens = tokenize(normalize_batch(texts), find_marks(texts))
    return find_dates(tokens, [Anchor(day)] * len(texts), habits)


def read(text: str, day: date | None = DAY) -> tuple[DateMention, ...]:
    return read_all([text], day)[0]


# EDTF, the Library of Congress specification of 2019-02-04: level 0, and of level 1 seasons, qualification of a
# whole, unspecified digits and open intervals; of level 2 an X for any digit and the divisions of a year 33-41.
_DATE = re.compile(r"([\dX]{4})(?:-([\dX]{2}))?(?:-([\dX]{2}))?[?~%]?")
Bounds = tuple[date, date] | None  # None where a digit is not told


def edtf_bounds(value: str) -> tuple[date | None, date | None] | None:
    """The first and last day of an EDTF, None for an open end; None in all where digits are not told.

    Raises `ValueError` where it is no EDTF.
    """
    parts = value.split("/")
    if len(parts) == 1:
        return _bounds(value)
    if len(parts) != 2 or parts == ["..", ".."]:
        raise ValueError(value)
    first, last = ((None, None) if part == ".." else _bounds(part) for part in parts)
    if first is None or last is None:
        return None
    if first[0] and last[1] and first[0] > last[1]:
        raise ValueError(f"{value} ends before it begins")
    return first[0], last[1]


def _bounds(value: str) -> Bounds:
    match = _DATE.fullmatch(value)
    if match is None:
        raise ValueError(value)
    year, month, day = match.groups()
    if re.fullmatch(r"\d+X+", year) and month is None:  # a decade, a century
        return date(int(year.replace("X", "0")), 1, 1), date(int(year.replace("X", "9")), 12, 31)
    if "X" in value:
        if month and "X" not in month and not (1 <= int(month) <= 12 or 21 <= int(month) <= 41):
            raise ValueError(value)
        return None
    number = int(year)
    if month is None:
        return date(number, 1, 1), date(number, 12, 31)
    if int(month) > 12:
        if day is not None:
            raise ValueError(value)
        return _division(number, int(month))
    if day is not None:
        return (date(number, int(month), int(day)),) * 2  # type: ignore[return-value]
    return date(number, int(month), 1), date(number, int(month), monthrange(number, int(month))[1])


def _division(year: int, code: int) -> Bounds:
    lengths = {21: (3, 3), 22: (6, 3), 23: (9, 3), 24: (12, 3)}
    lengths |= {33 + n: (1 + 3 * n, 3) for n in range(4)} | {37 + n: (1 + 4 * n, 4) for n in range(3)}
    lengths |= {40 + n: (1 + 6 * n, 6) for n in range(2)}
    first, length = lengths[code]
    end = year * 12 + first - 1 + length
    return date(year, first, 1), date(end // 12, end % 12 + 1, 1) - timedelta(1)


# The values of TIMEX3 (TimeML annotation guidelines 1.2.1, ISO 24617-1): calendar dates, weeks, parts of a year, of a
# day and of a weekend, decades and centuries as their first digits, references, durations; intervals of two as ISO 8601.
_TIMEX_DAY = (
    r"(?:[\dX]{4}(?:-(?:0[1-9]|1[0-2]|XX)(?:-(?:0[1-9]|[12]\d|3[01]|XX))?)?"
    r"|[\dX]{4}-W(?:0[1-9]|[1-4]\d|5[0-3]|XX)(?:-(?:[1-7]|WE))?"
    r"|[\dX]{4}-(?:SP|SU|FA|WI|Q[1-4X]|H[12X])"
    r"|\d{2,3}X{0,2}|X{2,3})(?:T(?:MO|MI|AF|EV|NI|DT|[01]\d|2[0-4])(?::[0-5]\d)?)?"
)
_TIMEX_SPAN = r"P(?:(?:\d+|X)(?:Y|M|W|D|Q|WE|WD|DE|CE|SP|SU|FA|WI))+"
_TIMEX = re.compile(
    rf"PAST_REF|PRESENT_REF|FUTURE_REF|{_TIMEX_SPAN}|{_TIMEX_DAY}(?:/{_TIMEX_DAY})?|{_TIMEX_DAY}/|/{_TIMEX_DAY}"
)


@pytest.mark.parametrize(
    "value",
    [
        "2015-02-29",
        "2015-13",
        "2015-00-01",
        "15-03",
        "2015/2014",
        "../..",
        "2015-20",
        "2015-22-01",
        "",
        "since 2013",
    ],
)
def test_the_grammar_refuses_what_is_no_edtf(value: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        edtf_bounds(value)


@pytest.mark.parametrize("value", ["2015-13", "2015-02-32", "2015-W54", "yesterday", "P", "2015-W02-8", ""])
def test_the_grammar_refuses_what_is_no_timex(value: str) -> None:
    assert _TIMEX.fullmatch(value) is None


def check(text: str, mentions: tuple[DateMention, ...]) -> None:
    """What holds of every mention."""
    end = 0
    for one in mentions:
        told = f"{one.span.of(text)!r} in {text[:200]!r}: {one}"
        assert end <= one.span.start < one.span.end <= len(text), told
        assert one.span.of(text).strip() == one.span.of(text), told
        end = one.span.end
        for value in (one.edtf, *one.alternatives):
            edtf_bounds(value)
        assert _TIMEX.fullmatch(one.timex), told
        days = (one.date_from, one.date_to)
        bounds = edtf_bounds(one.edtf)
        assert days == ((None, None) if bounds is None else bounds), told
        assert one.open == (
            "none" if None not in days or days == (None, None) else "end" if days[0] else "start"
        )
        if one.date_from and one.date_to:
            assert one.date_from <= one.date_to, told
        if one.grain in ("month", "year", "season", "decade") and one.date_from and one.date_to:
            assert one.date_from < one.date_to, told  # never a day picked out of it
        assert one.edtf not in one.alternatives, told
        assert len(set(one.flags)) == len(one.flags), told


@cache
def examples() -> list[str]:
    """One text for each rule of the grammar, and those of the samples."""
    texts = [row["example"].split(" | ")[0] for row in rows("date_rules")]
    with SAMPLES.open(encoding="utf-8") as lines:
        texts += [json.loads(line)["text"] for line in lines]
    return texts


@cache
def words() -> list[str]:
    return sorted({row["surface"] for row in rows("date_words")})


NUMBERS = st.one_of(
    st.integers(0, 60).map(str),
    st.integers(1300, 2110).map(str),
    st.sampled_from(
        ["05", "0", "00", "007", "31", "1e5", "٣", "۲۰۱۶", "99999", "2016-02-30", "12/7", "3:45"]
    ),
)
SIGNS = st.sampled_from([*"-/.,:()'\"–…%#_", "هـ", "م", "AH", "'s", "\n", "\N{RIGHT-TO-LEFT MARK}", "ـ"])
POSTS = st.lists(
    st.one_of(st.deferred(lambda: st.sampled_from(words())), NUMBERS, SIGNS), max_size=9
).flatmap(lambda pieces: st.sampled_from([" ".join(pieces), "".join(pieces)]))


@settings(max_examples=400, deadline=None)
@given(POSTS, st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2150, 1, 1))))
def test_every_mention_is_well_formed(text: str, day: date | None) -> None:
    check(text, read(text, day))


@settings(max_examples=100, deadline=None)
@given(POSTS, st.sampled_from([date(2, 1, 1), date(9998, 12, 31), date(2016, 2, 29), date(1999, 12, 31)]))
@example("thanksgiving", date.min)
def test_every_mention_is_well_formed_in_odd_profiles_and_days(text: str, day: date) -> None:
    check(text, read_all([text], day, DateHabits("recall", "mdy"))[0])


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
@example("\ud800 5 آذار")
@example("\x00\x0b2016-02-17\x1c")
def test_any_string_goes_in(text: str) -> None:
    check(text, read(text))


@pytest.mark.parametrize("profile", ["precise", "recall"])
def test_the_samples_and_the_examples_are_well_formed(profile: str) -> None:
    found = read_all(examples(), DAY, DateHabits(profile))  # type: ignore[arg-type]
    for text, mentions in zip(examples(), found, strict=True):
        check(text, mentions)
    assert sum(map(bool, found)) > 150


# The same answer in every spelling


def _digits(first: str) -> dict[int, str]:
    return {ord("0") + number: chr(ord(first) + number) for number in range(10)}


def _presented(letter: str) -> str:
    """The isolated presentation form of an Arabic letter."""
    return _presentation_forms().get(letter, letter)


@cache
def _presentation_forms() -> dict[str, str]:
    found: dict[str, str] = {}
    for code in range(0xFE80, 0xFEFD):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0] == "<isolated>":
            found[chr(int(parts[1], 16))] = chr(code)
    return found


def _is_arabic(letter: str) -> bool:
    return "\u0621" <= letter <= "\u064a" and letter != "ـ"


def _with(text: str, seed: int, signs: str, only_inside_words: bool) -> str:
    """Signs put in behind Arabic letters, or anywhere; reproducible by the seed."""
    rng = random.Random(seed)
    made = []
    for at, letter in enumerate(text):
        made.append(letter)
        inside = _is_arabic(letter) and at + 1 < len(text) and _is_arabic(text[at + 1])
        if (inside or not only_inside_words) and rng.random() < 0.3:
            made.append(rng.choice(signs))
    return "".join(made)


SPELLINGS = {
    "Arabic-Indic digits": lambda text, _: text.translate(_digits("\N{ARABIC-INDIC DIGIT ZERO}")),
    "Persian digits": lambda text, _: text.translate(_digits("\N{EXTENDED ARABIC-INDIC DIGIT ZERO}")),
    "bidi marks": lambda text, seed: _with(
        text, seed, "\u200e\u200f\u202a\u202b\u202c\u2067\u2069\u061c", False
    ),
    "tatweel": lambda text, seed: _with(text, seed, "ـ", True),
    "vowel marks": lambda text, seed: _with(text, seed, "\u064b\u064e\u0650\u0651\u0652\u0670", True),
    "presentation forms": lambda text, _: "".join(map(_presented, text)),
}
# Marks and tatweel inside URLs, @handles and hashtags make others of them.
PLAIN = re.compile(r"[#@]|https?:|www\.|\w\.\w")


@cache
def plain_examples() -> list[str]:
    """Examples whose digits are Latin, without what is spelled by bytes."""
    return [
        text
        for text in examples()
        if not PLAIN.search(text) and all(c.isascii() or not c.isdigit() for c in text)
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_does_not_change_the_answer(spelling: str) -> None:
    texts = plain_examples()
    spelled = [SPELLINGS[spelling](text, seed) for seed, text in enumerate(texts)]
    assert sum(one != two for one, two in zip(texts, spelled, strict=True)) > 60
    wrong = []
    for text, other, found, again in zip(texts, spelled, read_all(texts), read_all(spelled), strict=True):
        if _answers(text, found) != _answers(other, again):
            wrong.append(f"{text!r}: {_answers(text, found)} != {_answers(other, again)}")
    assert not wrong, "\n".join(wrong)


def _answers(text: str, found: tuple[DateMention, ...]) -> list[tuple[str, ...]]:
    return [
        (normalize(one.span.of(text)).text.strip(), one.edtf, one.timex, one.rule, *one.flags)
        for one in found
    ]


AND_SO = [
    "اليوم",
    "أمس",
    "غدا",
    "مبارح",
    "الجمعة الماضية",
    "الشهر الماضي",
    "الأسبوع القادم",
    "السنة الماضية",
    "يوم الأحد",
    "بعد غد",
    "قبل يومين",
    "منذ عام 2013",
    "في 5 آذار 2015",
    "خلال الأسبوع الماضي",
    "بتاريخ 5/3/2015",
]


@pytest.mark.parametrize(
    ("clitic", "text"),
    [(clitic, text) for clitic in "وف" for text in AND_SO],
)
def test_a_conjunction_before_it_does_not_change_the_answer(clitic: str, text: str) -> None:
    (plain,) = read(f"وصلوا {text} سالمين")
    (glued,) = read(f"وصلوا {clitic}{text} سالمين")
    assert (glued.edtf, glued.timex) == (plain.edtf, plain.timex)


def test_the_batch_does_not_change_the_answer() -> None:
    texts = examples()[:120]
    assert read_all(texts) == [read(text) for text in texts]
    assert read_all(texts[::-1]) == read_all(texts)[::-1]


# A month stays a month


@given(st.sampled_from(["كانون الثاني", "شباط", "آذار", "أبريل", "مايو", "جوان", "يوليو", "غشت", "سبتمبر", "تشرين الأول", "نونبر", "December"]), st.integers(1950, 2060))  # fmt: skip
def test_a_month_stays_a_month(month: str, year: int) -> None:
    (found,) = read(f"في {month} {year}")
    assert (found.grain, len(found.edtf)) == ("month", 7)
    assert found.date_from is not None
    assert found.date_to is not None
    assert (found.date_from.day, (found.date_to + timedelta(1)).day) == (1, 1)
    assert found.date_from.month == found.date_to.month


@given(st.integers(1900, 2090), st.sampled_from(["في عام {}", "سنة {}", "in {}", "منذ {}", "during {}"]))
def test_a_year_stays_a_year(year: int, form: str) -> None:
    (found,) = read(form.format(year))
    assert found.date_from == date(year, 1, 1)
    assert found.date_to in (None, date(year, 12, 31))


# Bad input


@pytest.mark.parametrize(
    "text",
    [
        "31 February 2015",
        "يوم 31 شباط 2015",
        "30/2/2016",
        "2016-02-30",
        "31.11.2015",
        "31 April 2014",
        "2015-13-45",
        "45/13/2016",
        "0/0/0000",
        "00-00-2016",
        "29 February 2015",
        "في 31 حزيران",
        "32 آذار 2015",
    ],
)
def test_days_that_the_calendar_does_not_have(text: str) -> None:
    assert [one.span.of(text) for one in read(text) if one.grain == "day" and not one.flags] == []


@pytest.mark.parametrize(
    "text",
    [
        "في 5 محرم 1342 هـ",
        "في 5 محرم 1501 هـ",
        "في 5 محرم 9999 هـ",
        "5/1/1250 هـ",
        "في 31 رمضان 1436 هـ",
        "عام 99999",
        "في سنة 0",
        "in 3016",
        "5 March 20156",
        "1/1/10000",
        "year 0000",
        "99999999-12-31",
        "9999999999 years ago",
        "قبل 99999999999999 سنة",
        "بعد 10000000 يوما سنعود",
        "in 400000 weeks",
        "1000000 months ago",
    ],
)
def test_absurd_years_give_no_day(text: str) -> None:
    for one in read(text):
        known = [day for day in (one.date_from, one.date_to) if day is not None]
        assert all(1000 <= day.year < 2200 for day in known), one
        assert not known or one.flags or one.grain != "day", one


@pytest.mark.parametrize("day", [date.min, date.max, date(1, 1, 2), date(9999, 12, 30)])
def test_days_at_the_ends_of_time(day: date) -> None:
    for text, mentions in zip(examples(), read_all(examples(), day), strict=True):
        check(text, mentions)


HOSTILE = {
    "digits": "7" * 10_000,
    "Arabic digits": "٣" * 10_000,
    "date after date": "5/3/2015 " * 2_000,
    "slashes": "5/" * 5_000,
    "dots": "1." * 5_000,
    "dashes": "1-" * 5_000,
    "spaced dashes": "5 - " * 4_000,
    "numbers": "12 " * 5_000,
    "years": "2016 " * 3_000,
    "days": "يوم " * 4_000,
    "ands": "و 5 " * 4_000,
    "from and to": "من 5 إلى " * 2_000,
    "ordinals": "الأول " * 3_000,
    "months": "آذار " * 3_000,
    "parts": "صباح " * 3_000,
    "the": "the " * 5_000,
    "of the": "first of the " * 2_000,
    "since": "since " * 3_000,
    "and": "and Monday " * 3_000,
    "commas": "5, " * 5_000,
    "hashtags": "#آذار " * 3_000,
    "open brackets": "(2015 " * 3_000,
    "marks": "5\u200f" * 10_000,
}


def _seconds(text: str) -> float:
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        find_dates(tokens, [Anchor(DAY)])
        best = min(best, time.process_time() - begun)
    return best


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_posts_take_linear_time(name: str) -> None:
    text = HOSTILE[name]
    check(text, read(text))
    half, whole = _seconds(text[: len(text) // 2]), _seconds(text)
    assert whole < 5 * half + 0.05, (
        f"{half:.3f} s and {whole:.3f} s for twice as much"
    )  # quadratic: 4 times, and growing


@pytest.mark.parametrize("name", ["digits", "date after date", "numbers"])
def test_a_post_of_a_megabyte(name: str) -> None:
    piece = HOSTILE[name]
    text = (piece * (1_000_000 // len(piece) + 1))[:1_000_000]
    mentions = read(text)
    assert all(one.edtf for one in mentions)
    if name == "digits":
        assert mentions == ()
