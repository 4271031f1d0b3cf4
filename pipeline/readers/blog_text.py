"""A blog article with its comments, saved as plain text.

A comment begins with a head ("NAME said:") that has a whole date above or below it.  Words alone never
split a text: "said:" inside a comment has no date beside it, and a time inside it has no head.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from msgspec import Struct

from pipeline.data import rows
from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, detect, eight_bit, utf16_order
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import Export, Head, Item, Reader, Reading, origin, refuse, storable
from pipeline.readers.lines import Block, raw_lines
from pipeline.readers.printed_times import INVISIBLE, long_date
from pipeline.readers.times import Clock, Printed, from_printed, zone_named
from pipeline.records import NonPost, Post, Reason

NAME = "blog_text"
COMMENT_LIMIT = 1 << 24

_NO_NAME = re.compile(r'[!?"«»\N{ARABIC QUESTION MARK}]')
_NO_MARKS = dict.fromkeys(map(ord, INVISIBLE))


class _Mark(Struct, frozen=True):
    """A line that may be the head of a comment, a date, or words of the page itself."""

    number: int  # of the line
    what: str  # head, date, responses, footer
    before: int  # the last line before it that is not blank, 0 for none
    name: str = ""
    printed: Printed | None = None
    follows_blank: bool = True


class _Comment(Struct, frozen=True):
    """Where a comment begins, and what its head says."""

    first: int  # line: of its head, or of the date above it
    head: int  # line
    date: int | None  # line
    name: str
    printed: Printed | None


class _Plan(Struct, frozen=True):
    comments: list[_Comment]
    page_lines: frozenset[int]  # "3 Responses to ..." before the first comment
    footer: int | None  # line


def score(head: Head) -> float:
    """By heads of comments that have their date."""
    order = utf16_order(head.start)
    text = head.start.decode(f"utf-16-{order}" if order else "utf-8", "replace")
    if text.count("\ufffd") > 20:
        text = head.start.decode(eight_bit(head.start), "replace")
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    if text.lstrip()[:1] in {"{", "[", "<"}:
        return 0.0
    dated = sum(comment.printed is not None for comment in _plan(_marks(lines)).comments)
    return 0.0 if dated == 0 else 0.7 if dated == 1 else 0.85


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """The article, then every comment in the order of the page; the lines of the page itself are non-posts.

    Raises `ExportError` where the file has neither the head of a comment nor the date of an article.
    """
    encoding = detect(export.path, export.name, reading.encoding)

    def lines() -> Iterator[tuple[str, str | None]]:
        for raw in raw_lines(export.path):
            text, note = decode_line(raw.content, encoding)
            yield (text.removeprefix("\ufeff") if raw.number == 1 else text).rstrip("\r\n"), note

    plan = _plan(_marks(text for text, _ in lines()))
    page = _Page(export, reading, bool(plan.comments))
    begins = {comment.first: comment for comment in plan.comments}
    comment: _Comment | None = None
    block = Block([], [])
    for number, (text, note) in enumerate(lines(), start=1):
        if number in begins or number in plan.page_lines or number == plan.footer:
            yield from page.item(comment, block)
            comment, block = begins.get(number), Block([], [])
        if number in plan.page_lines or (plan.footer is not None and number >= plan.footer):
            if text.strip():
                yield NonPost(origin=origin(export, NAME, f"line {number}"), what=f"page: {_bare(text)[:80]}")
            continue
        block.note(note)
        block.size += len(text)
        if text.strip():
            block.first, block.last = block.first or number, number
        if comment is not None and number in {comment.head, comment.date}:
            continue
        if block.size <= COMMENT_LIMIT:
            block.lines.append(text)
    yield from page.item(comment, block)
    if page.empty:
        raise ExportError(
            f'{export.name}: no head such as "NAME said:" with a date beside it, and no "Posted on"; '
            f"set another reader"
        )


class _Page:
    """Makes posts of the pieces of one page."""

    def __init__(self, export: Export, reading: Reading, has_comments: bool) -> None:
        self.empty = True
        self._has_comments = has_comments
        self._export = export
        self._source = reading.source
        self._platform = reading.platform or "blog"
        self._group = reading.group or reading.source
        self._zone = zone_named(reading.zone)
        self._ids = Occurrences()
        self._article: str | None = None
        self._titled: dict[str, object] = {}

    def item(self, comment: _Comment | None, block: Block) -> Iterator[Item]:
        if block.first == 0:
            return
        at = origin(self._export, NAME, block.locator)
        if block.size > COMMENT_LIMIT:
            self.empty = False
            detail = f"over {COMMENT_LIMIT} characters without the head of a comment; is it a blog page?"
            yield refuse(self._source, at, Reason.TOO_LARGE, detail, block.text)
            return
        extra: dict[str, object] = {}
        name: str | None
        if comment is None:
            if self._article is not None:  # words between the page's own lines
                detail = "words that belong to no comment; look whether a head is missing before them"
                yield refuse(self._source, at, Reason.STRAY_TEXT, detail, block.text)
                return
            kind, printed, name, text, title = _article(block.lines)
            if printed is None and not self._has_comments:
                return
            if title is not None:
                extra["title"] = storable(title)
            self._titled = dict(extra)
        else:
            kind, printed, name = "comment", comment.printed, comment.name
            text = _body(_without_buttons(block.lines))
            extra |= self._titled
        self.empty = False
        clock = (
            Clock(None, None, "unknown", "unknown") if printed is None else from_printed(printed, self._zone)
        )
        if block.notes:
            extra["repaired"] = block.notes
        text = storable(text)
        name = storable(name) if name else None
        post_id = f"{self._platform}:{self._group}:{self._ids.next(name, clock.posted_local, text)}"
        reply = self._article
        if comment is None:
            self._article = post_id
        yield Post(
            post_id=post_id,
            source=self._source,
            platform=self._platform,
            group_id=self._group,
            kind=kind,
            author_id=name,
            author_name=name,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            text=text,
            reply_to=reply,
            extra=extra | clock.extra,
            origin=at,
        )


def _marks(lines: Iterable[str]) -> Iterator[_Mark]:
    """The lines that matter, in order; `before` lets see whether two of them stand side by side."""
    before, blank = 0, True
    for number, line in enumerate(lines, start=1):
        bare = _bare(line)
        if not bare:
            blank = True
            continue
        if len(bare) <= 160:
            mark = _mark(number, bare, before, blank)
            if mark is not None:
                yield mark
        before, blank = number, False
    yield _Mark(before + 1_000_000, "end", before)


def _mark(number: int, bare: str, before: int, blank: bool) -> _Mark | None:
    if bare[-1] in ":.…" or bare[-1].isalnum():
        for with_date in (True, False):
            match = _heads(with_date).fullmatch(bare)
            if match is None:
                continue
            found = {key[0]: value for key, value in match.groupdict().items() if value is not None}
            name = re.sub(r"^\d{1,4}[.)] +", "", found["n"]).strip()
            printed = long_date(found["d"]) if with_date else None
            if name and not _NO_NAME.search(name) and with_date == (printed is not None):
                return _Mark(number, "head", before, name, printed, blank)
    if any(char.isdigit() for char in bare):
        printed = long_date(_behind().sub("", bare)) or long_date(_posted().sub("", _behind().sub("", bare)))
        if printed is not None:
            return _Mark(number, "date", before, "", printed, blank)
    if _page("responses").match(bare):
        return _Mark(number, "responses", before, follows_blank=blank)
    if _page("footer").match(bare):
        return _Mark(number, "footer", before, follows_blank=blank)
    return None


def _plan(marks: Iterator[_Mark]) -> _Plan:
    """Which marks are heads of comments.

    Whether dates stand above or below is voted by the heads that leave no choice; a head takes the date of
    that side, else a date of the other side that no head needs.
    """
    seen = list(marks)
    below = [_is_date_below(seen, at) for at in range(len(seen))]
    above = [_is_date_above(seen, at) for at in range(len(seen))]
    heads = [at for at, mark in enumerate(seen) if mark.what == "head"]
    votes = sum(below[at] - above[at] for at in heads)
    if votes == 0 and heads:
        votes = -1 if above[heads[0]] else 1
    taken: set[int] = set()
    dated: dict[int, int] = {}  # head -> date, by place in `seen`
    for side in (1, -1) if votes > 0 else (-1, 1):
        for at in heads:
            has = below[at] if side == 1 else above[at]
            if has and at not in dated and at + side not in taken and seen[at].printed is None:
                dated[at] = at + side
                taken.add(at + side)
    if votes < 0 and _dates_end_comments(seen, heads, above, below):
        dated = {at: date for at in heads if (date := _next_date(seen, at)) is not None}
    comments = []
    for at in heads:
        mark = seen[at]
        if at in dated:
            date_mark = seen[dated[at]]
            first = min(mark.number, date_mark.number)
            comments.append(_Comment(first, mark.number, date_mark.number, mark.name, date_mark.printed))
        elif mark.printed is not None:
            comments.append(_Comment(mark.number, mark.number, None, mark.name, mark.printed))
        elif mark.follows_blank and _next_begins(seen, at, dated) and dated:
            comments.append(_Comment(mark.number, mark.number, None, mark.name, None))
    start = comments[0].first if comments else None
    page_lines = frozenset(
        mark.number
        for mark in seen
        if mark.what == "responses" and mark.follows_blank and (start is None or mark.number < start)
    )
    last = comments[-1].head if comments else 0
    footer = next(
        (mark.number for mark in seen if mark.what == "footer" and mark.number > last and mark.follows_blank),
        None,
    )
    return _Plan(comments, page_lines, footer)


def _dates_end_comments(seen: list[_Mark], heads: list[int], above: list[bool], below: list[bool]) -> bool:
    """Whether dates close comments: then the first head has none beside it, and the last date no head."""
    first = heads[0]
    if above[first] or below[first]:
        return False
    return all(_next_date(seen, at) is not None for at in heads)


def _next_date(seen: list[_Mark], at: int) -> int | None:
    """The first date between a head and the next one, by place in `seen`."""
    for later in range(at + 1, len(seen)):
        if seen[later].what == "date":
            return later
        if seen[later].what == "head":
            return None
    return None


def _is_date_below(seen: list[_Mark], at: int) -> bool:
    return at + 1 < len(seen) and seen[at + 1].what == "date" and seen[at + 1].before == seen[at].number


def _is_date_above(seen: list[_Mark], at: int) -> bool:
    return at > 0 and seen[at - 1].what == "date" and seen[at].before == seen[at - 1].number


def _next_begins(seen: list[_Mark], at: int, dated: dict[int, int]) -> bool:
    """Whether a head without a date is followed at once by the next comment, or by the end."""
    following = seen[at + 1]
    if following.before != seen[at].number:
        return False
    if following.what == "end":
        return True
    return at + 1 in dated or (following.printed is not None and at + 2 in dated and dated[at + 2] == at + 1)


def _article(lines: list[str]) -> tuple[str, Printed | None, str | None, str, str | None]:
    """Kind, date, author, text without its date line, and title."""
    printed, author, kept = None, None, []
    for line in lines:
        bare = _bare(line)
        if printed is None and bare and len(bare) <= 200:
            found = _posted_on(bare)
            if found is not None:
                printed, author = found
                continue
        kept.append(line)
    title = next((_bare(line) for line in kept if line.strip()), None)
    return "article", printed, author, _body(kept), title


def _posted_on(bare: str) -> tuple[Printed, str | None] | None:
    """Date and author of a line such as "Posted on January 2nd, 2016 by editor"; None for other lines."""
    stripped = _posted().sub("", _behind().sub("", bare))
    parts = re.split(rf" +(?:{_alternatives('author')}) +", f" {stripped}", maxsplit=1)
    parts = [part.strip(" ,|-\N{EN DASH}\N{ARABIC COMMA}") for part in parts]
    for date_part, author in ((parts[0], parts[1] if len(parts) > 1 else None), (parts[-1], None)):
        printed = long_date(date_part)
        if printed is not None:
            return printed, author or None
    by = re.fullmatch(rf"(?:{_alternatives('author')}) (.+?)(?: on |, | \| )(.+)", bare, re.IGNORECASE)
    if by is not None and (printed := long_date(by[2])) is not None:
        return printed, by[1]
    return None


def _without_buttons(lines: list[str]) -> list[str]:
    """The lines without what a page sets below every comment, such as "Reply"."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or _bare(lines[end - 1]).casefold() in _buttons()):
        end -= 1
    return lines[:end]


@cache
def _buttons() -> frozenset[str]:
    return frozenset(row["phrase"].casefold() for row in rows("blog_lines") if row["what"] == "button")


def _body(lines: list[str]) -> str:
    """The lines without the blank ones around them."""
    begin, end = 0, len(lines)
    while begin < end and not lines[begin].strip():
        begin += 1
    while end > begin and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[begin:end])


@cache
def _heads(with_date: bool) -> re.Pattern[str]:
    forms = []
    phrases = [row["phrase"] for row in rows("blog_lines") if row["what"] == "head"]
    for number, phrase in enumerate(phrase for phrase in phrases if ("DATE" in phrase) == with_date):
        form = re.escape(phrase).replace(r"\ ", " +")
        forms.append(
            form.replace("NAME", f"(?P<n{number}>.{{1,80}}?)").replace("DATE", f"(?P<d{number}>.+?)")
        )
    return re.compile("|".join(forms), re.IGNORECASE)


@cache
def _page(what: str) -> re.Pattern[str]:
    end = r"(?= *$| +[\"“«'”‘].*$|:)" if what == "responses" else r"(?= *\W?$| +(?:to|on|على|cancel).*$)"
    phrases = _alternatives(what).replace("NUMBER", r"[\d\u0660-\u0669\u06f0-\u06f9,.]+")
    return re.compile(rf"(?:{phrases}){end}", re.IGNORECASE)


@cache
def _posted() -> re.Pattern[str]:
    return re.compile(rf"^(?:{_alternatives('posted')})[: ]+", re.IGNORECASE)


@cache
def _behind() -> re.Pattern[str]:
    return re.compile(rf"(?:[ |\N{{MIDDLE DOT}}]*(?:{_alternatives('behind')}))+$", re.IGNORECASE)


@cache
def _alternatives(what: str) -> str:
    phrases = [re.escape(row["phrase"]) for row in rows("blog_lines") if row["what"] == what]
    return "|".join(sorted(phrases, key=len, reverse=True)).replace(r"\ ", " +")


def _bare(line: str) -> str:
    return line.translate(_NO_MARKS).replace("\xa0", " ").strip()


READER = Reader(
    name=NAME,
    platform="blog",
    about='a blog article and its comments saved as plain text, with heads such as "NAME said:"',
    keeps="article with title, author and date, comments with name, date and paragraphs",
    loses="ids, which comment answers which, links: plain text does not hold them; set zone",
    score=score,
    read=read,
)
