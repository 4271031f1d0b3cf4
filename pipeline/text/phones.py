"""Telephone numbers of a batch of raw posts: told by form or by the word before, never by length alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.data import rows

_LEAST: Final = 7  # digits
_REACH: Final = 4  # code points from one digit to the next of the same number, at most
_BEFORE: Final = 40  # code points in which a word that announces a number is looked for
_UNSEEN: Final = "\u200e"  # stands for every direction mark
_DIGITS: Final = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")
_ALIKE: Final = str.maketrans(
    {
        **{digit: str(value) for digits in _DIGITS for value, digit in enumerate(digits)},
        **dict.fromkeys("\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", _UNSEEN),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
    }
)


def find_phones(joined: str, codes: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Where telephone numbers stand in a text, sorted and disjoint; `codes` are the code points of the text.

    Three things make one: a calling code with + or 00 before it and as many digits as that country has; a
    leading zero with nine to eleven digits in the groups that people write; a word such as "هاتف" or "call"
    before it.  Dates, years, times, coordinates, amounts and ids are none.

    >>> from pipeline.text.fold import codes_of
    >>> text = "للتواصل ٠٩٤٤ ١٢٣ ٤٥٦ أو +963 933 654321، يوم 14/03/2015 في 33.5138, 36.2765"
    >>> [text[start:end] for start, end in find_phones(text, codes_of(text))]
    ['٠٩٤٤ ١٢٣ ٤٥٦', '+963 933 654321']
    """
    digits = np.flatnonzero(_is_digit(codes))
    if digits.size < _LEAST:
        return []
    opens = np.append(0, np.flatnonzero(np.diff(digits) > _REACH) + 1)
    closes = np.append(opens[1:], digits.size)
    long = closes - opens >= _LEAST
    found: list[tuple[int, int]] = []
    for first, last in zip(digits[opens[long]].tolist(), digits[closes[long] - 1].tolist(), strict=True):
        found += _in_cluster(joined, first, last + 1)
    return found


def _is_digit(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    ascii_ = (codes - np.uint32(0x30)) < 10
    arabic = (codes - np.uint32(0x660)) < 10
    persian = (codes - np.uint32(0x6F0)) < 10
    return ascii_ | arabic | persian


def _in_cluster(joined: str, first: int, end: int) -> Iterator[tuple[int, int]]:
    """The numbers of a stretch of digits and what stands between them."""
    base = max(0, first - _BEFORE)
    alike = joined[base : end + _REACH].translate(_ALIKE)
    at, stop = first - base, end - base
    while at < stop:
        match = _shapes().search(alike, max(0, at - 3), stop + 1)
        announced = _announced(alike, at, stop if match is None else match.start())
        if announced is not None:
            match = announced
        if match is None:
            return
        yield base + match.start(), base + match.end()
        at = match.end()


def _announced(alike: str, at: int, stop: int) -> re.Match[str] | None:
    """A number right behind a word that announces it, from `at` on; it begins before `stop`."""
    if not _words().search(alike, 0, at):
        return None
    match = _ANY_NUMBER.match(alike, at)
    return match if match is not None and match.start() < stop else None


_GAP: Final = rf"{_UNSEEN}?[ \-()]{{0,2}}{_UNSEEN}?"
_START: Final = r"(?<![A-Za-z0-9_+])(?<![0-9][.,/:\-])"
_STOP: Final = r"(?![A-Za-z0-9_])(?![.,/:\-][0-9])"
_ANY_NUMBER: Final = re.compile(
    rf"(?![0-9]{{4}}[\-/.][0-9]{{1,2}}[\-/.]|[0-9]{{1,2}}[\-/.][0-9]{{1,2}}[\-/.]|[0-9]+[.,:][0-9])"
    rf"{_START}[0-9](?:[ \-/]?{_UNSEEN}?[0-9]){{{_LEAST - 1},13}}{_STOP}"
)
# Leading zero, then groups as people print them in the region; never two digits and two digits, as dates.
_NATIONAL: Final = (
    r"0[1-9][0-9]{7,9}",
    r"\(?0[0-9]{2,3}\)?[ \-][0-9]{3}[ \-]?[0-9]{3,4}",
    r"0[0-9]{2}[ \-][0-9]{4}[ \-][0-9]{4}",
    r"0[0-9]{1,3}[/\-][0-9]{6,7}",
    r"0[0-9]{2,3} [0-9]{6,7}",
    r"\(?0[0-9]{3}\)?[ \-](?:[0-9]{3}|[0-9]{2})[ \-][0-9]{2}[ \-][0-9]{2}",
)


@cache
def _shapes() -> re.Pattern[str]:
    abroad: list[str] = []
    bare: list[str] = []
    for row in sorted(rows("phone_codes"), key=lambda row: -len(row["code"])):
        code, least, most = row["code"], int(row["least"]), int(row["most"])
        abroad.append(rf"{code}(?:{_GAP}[0-9]){{{least},{most}}}")
        if row["mobile"]:
            bare.append(rf"{code}{row['mobile']}[0-9]{{{most - 1}}}")
    written = rf"(?:\+{_UNSEEN}*[ (]?|\(?00\)?[ \-]?)(?:{'|'.join(abroad)})"
    national = "|".join(sorted(_NATIONAL, key=len, reverse=True))
    return re.compile(rf"{_START}(?:{written}|(?:{'|'.join(bare)})\+?|{national}){_STOP}")


@cache
def _words() -> re.Pattern[str]:
    words = "|".join(re.escape(row["word"]) for row in rows("phone_words"))
    number = "رقم|الرقم|على|ع|no|nr|number|us|me|at|on|is"
    return re.compile(rf"(?i)(?<![^\W\d_])(?:{words})(?:[ .]*(?:{number}))?[\s:.\-(+{_UNSEEN}]*\Z")
