"""The labelled posts of `data/dates/`, read from the form in which people write them; see README.md there."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple
from zlib import crc32

from hijridate import Gregorian, Hijri
from msgspec import Struct

from benchmarks.score import Label

FOLDER = Path(__file__).parent / "data" / "dates"
KINDS = {  # of a label's clause: what a mention of this sort is called in other labelled sets
    "relday": "relative",
    "ago": "relative",
    "after": "relative",
    "window": "relative",
    "period": "relative",
    "narrative": "relative",
    "weekday": "weekday",
    "weekday_cue": "weekday",
    "hijri": "hijri",
    "fuzzy": "fuzzy",
    "about": "fuzzy",
    "range": "range",
    "list": "range",
    "open": "range",
    "season": "season",
    "decade": "decade",
    "quarter": "quarter",
    "feast": "holiday",
}  # all others: absolute

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MARK = re.compile(r"\{([^{}|]+)\|([^{}|]+)(?:\|([a-z_]+))?\}")
_HEAD = re.compile(r"= (-|\d{4}-\d\d-\d\dT\d\d:\d\d) (\S.*)")
_SHIFTED = re.compile(r"([wmy])([+-]?\d+)")
_WEEKDAY = re.compile(r"(<<?|>>?)([a-z]{3})")
_HIJRI = re.compile(r"H(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_PLAIN = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


class DatePost(Struct, frozen=True, kw_only=True):
    """An invented post and the dates that a careful analyst reads in it."""

    text: str
    posted_local: datetime | None
    variety: str  # levantine, egyptian, gulf, maghrebi, standard; english_tweets, english_wire, ...
    style: str
    half: Literal["dev", "test"]
    lookalike: str | None  # of posts without a date: the class of what looks like one
    mentions: tuple[DateLabel, ...]

    @property
    def language(self) -> str:
        return "en" if self.variety.startswith("english") else "ar"


class DateLabel(Struct, frozen=True, kw_only=True):
    """One label; both ends are None where no value is asked."""

    start: int
    end: int
    surface: str
    date_from: date | None
    date_to: date | None
    edtf: str | None
    clause: str
    kind: str
    asked: bool
    valued: bool

    def label(self) -> Label:
        return Label(
            start=self.start,
            end=self.end,
            asked=self.asked,
            valued=self.valued,
            date_from=self.date_from,
            date_to=self.date_to,
        )


class Period(NamedTuple):
    """Inclusive days, None for an open end, and the EDTF of both."""

    first: date | None
    last: date | None
    edtf: str


def read_posts(folder: Path = FOLDER) -> list[DatePost]:
    """All posts of the folder's files, in the files' order.  Raises `ValueError` with file and line."""
    return [post for path in sorted(folder.glob("*.txt")) for post in _file(path)]


def _file(path: Path) -> Iterator[DatePost]:
    posted: datetime | None = None
    style = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("# "):
            continue
        head = _HEAD.fullmatch(line)
        if head:
            posted = None if head[1] == "-" else datetime.fromisoformat(head[1])
            style = head[2]
            continue
        try:
            yield read_post(line, posted, path.stem, style)
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None


def read_post(line: str, posted: datetime | None, variety: str, style: str) -> DatePost:
    r"""One line: words in braces are a date, "\n" is a line feed, after " ## " stands the class of lookalike.

    >>> read_post("{yesterday|-1|relday} it rained", datetime(2016, 2, 17, 9), "english", "").mentions[0].edtf
    '2016-02-16'
    """
    written, _, lookalike = line.partition(" ## ")
    written = written.replace("\\n", "\n")
    pieces, mentions, at, length = list[str](), list[DateLabel](), 0, 0
    for mark in _MARK.finditer(written):
        pieces.append(written[at : mark.start()])
        length += len(pieces[-1])
        surface, value, clause = mark[1], mark[2], mark[3] or ""
        if value != "opt" and not clause:
            raise ValueError(f"{surface!r} has no clause")
        days = None if value in {"opt", "?"} else period(value, posted)
        mentions.append(
            DateLabel(
                start=length,
                end=length + len(surface),
                surface=surface,
                date_from=days.first if days else None,
                date_to=days.last if days else None,
                edtf=days.edtf if days else None,
                clause=clause,
                kind=KINDS.get(clause, "absolute"),
                asked=value != "opt",
                valued=days is not None,
            )
        )
        pieces.append(surface)
        length += len(surface)
        at = mark.end()
    text = "".join([*pieces, written[at:]])
    if any(sign in text for sign in "{}|"):
        raise ValueError(f"a mark that cannot be read: {text!r}")
    if bool(lookalike) and any(mention.asked for mention in mentions):
        raise ValueError("a post with a class of lookalikes has no date")
    if not lookalike and not mentions:
        raise ValueError("a post without a date needs a class of lookalikes")
    return DatePost(
        text=text,
        posted_local=posted,
        variety=variety,
        style=style,
        half="test" if crc32(text.encode()) % 2 else "dev",
        lookalike=lookalike or None,
        mentions=tuple(mentions),
    )


def period(value: str, posted: datetime | None) -> Period:
    """The days that a value names; README.md has the notation.

    >>> period("2015-03/..", None)
    Period(first=datetime.date(2015, 3, 1), last=None, edtf='2015-03/..')
    >>> period("<fri", datetime(2016, 2, 17)).edtf, period("2015-03:late", None).edtf
    ('2016-02-12', '2015-03-21/2015-03-31')
    """
    about = value.endswith("~")
    begin, slash, end = value.removesuffix("~").partition("/")
    if not slash:
        first, last, edtf = _single(begin, posted)
        return Period(first, last, f"{edtf}~" if about else edtf)
    left = None if begin == ".." else _single(begin, posted)
    right = None if end == ".." else _single(end, posted)
    if left and right and left[0] > right[1]:
        raise ValueError(f"{value!r} ends before it begins")
    return Period(
        left[0] if left else None,
        right[1] if right else None,
        f"{left[2].split('/')[0] if left else '..'}/{right[2].split('/')[-1] if right else '..'}",
    )


def _single(value: str, posted: datetime | None) -> tuple[date, date, str]:
    name, _, part = value.partition(":")
    found = _named(name) or _counted(name, posted)
    if found is None:
        raise ValueError(f"{value!r} is not a value")
    if not part:
        return found
    first, last, _ = found
    if last - first > timedelta(31):  # a year
        month = {"early": 1, "mid": 5, "late": 9}[part]
        first, last = date(first.year, month, 1), _month(first.year, month + 3)[1]
        return first, last, f"{first:%Y-%m}/{last:%Y-%m}"
    begin, end = {"early": (1, 10), "mid": (11, 20), "late": (21, last.day)}[part]
    first, last = first.replace(day=begin), first.replace(day=end)
    return first, last, f"{first}/{last}"


def _named(name: str) -> tuple[date, date, str] | None:
    plain, hijri = _PLAIN.fullmatch(name), _HIJRI.fullmatch(name)
    if name.endswith("X") and name[:-1].isdigit():
        decade = int(name[:-1]) * 10
        return date(decade, 1, 1), date(decade + 9, 12, 31), name
    if plain:
        year, month, day = (int(part) if part else None for part in plain.groups())
        if day and month and year:
            return date(year, month, day), date(year, month, day), name
        if month and year:
            return *_month(year, month), name
        return date(int(plain[1]), 1, 1), date(int(plain[1]), 12, 31), name
    if hijri:
        year, month, day = (int(part) if part else None for part in hijri.groups())
        begin = Hijri(int(hijri[1]), month or 1, day or 1)
        if day:
            end = begin
        else:
            final = month or 12
            end = Hijri(begin.year, final, Hijri(begin.year, final, 1).month_length())
        first, last = _plain(begin.to_gregorian()), _plain(end.to_gregorian())
        return first, last, f"{first}" if day else f"{first}/{last}"
    return None


def _plain(day: Gregorian) -> date:
    return date(day.year, day.month, day.day)


def _counted(name: str, posted: datetime | None) -> tuple[date, date, str] | None:
    weekday, shifted = _WEEKDAY.fullmatch(name), _SHIFTED.fullmatch(name)
    if posted is None:
        return None
    today = posted.date()
    if re.fullmatch(r"0|[+-]\d+", name):
        day = today + timedelta(int(name))
        return day, day, str(day)
    if weekday and weekday[2] in _DAYS:
        signs, wanted = weekday[1], _DAYS.index(weekday[2])
        if signs[0] == "<":
            back = (today.weekday() - wanted) % 7
            day = today - timedelta(back + 7 * (len(signs) - 1))
        else:
            ahead = (wanted - today.weekday()) % 7 or 7
            day = today + timedelta(ahead + 7 * (len(signs) - 1))
        return day, day, str(day)
    if shifted:
        count = int(shifted[2])
        if shifted[1] == "w":
            first = today - timedelta(today.weekday()) + timedelta(weeks=count)
            return first, first + timedelta(6), f"{first}/{first + timedelta(6)}"
        if shifted[1] == "y":
            return date(today.year + count, 1, 1), date(today.year + count, 12, 31), f"{today.year + count}"
        months = today.year * 12 + today.month - 1 + count
        first, last = _month(months // 12, months % 12 + 1)
        return first, last, f"{first:%Y-%m}"
    return None


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def overlapping(mentions: tuple[DateLabel, ...]) -> bool:
    """Whether labels of a post overlap, which they must not."""
    return any(left.end > right.start for left, right in pairwise(mentions))
