"""A blog article with its comments, saved as plain text.

A comment begins with a head ("NAME said:") that has a whole date above or below it.  Words alone never
split a text: "said:" inside a comment has no date beside it, and a time inside it has no head.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from pipeline.data import rows
from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, detect, eight_bit, utf16_order
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import (
    NOT_MINE,
    Export,
    Head,
    Item,
    Reader,
    Reading,
    Score,
    origin,
    refuse,
    storable,
)
from pipeline.readers.lines import Block, raw_lines
from pipeline.readers.printed_times import INVISIBLE, long_date
from pipeline.readers.times import Clock, Printed, from_printed, zone_named
from pipeline.records import NonPost, Post, Reason

NAME = "blog_text"
COMMENT_LIMIT = 1 << 24

_DOUBTFUL_NAME = re.compile(r'[!?"«»\N{ARABIC QUESTION MARK}]')
_NUMBERED = re.compile(r"#?(\d{1,4})([.):]?)(?: *[-|])? +(\S.*)")
_NUMBER_LINE = re.compile(r"#?(\d{1,4})[.):]?")
_NO_MARKS = dict.fromkeys(map(ord, INVISIBLE))


class _Mark(Struct, frozen=True):
    """A line that may be the head of a comment, a date, or words of the page itself.

    Buttons of the page and lines that hold but a number are looked through: they are no neighbors.
    """

    number: int  # of the line
    what: str  # head, foot, date, weak, responses, pingback, footer, end
    before: int  # the last line before it that is not blank, 0 for none
    name: str = ""
    printed: Printed | None = None
    follows_blank: bool = True
    count: int | None = None  # the number that the page gives the comment
    line_count: int | None = None  # the same, in a line of its own above
    sure_count: bool = False  # written as a number: "3." or "#3", not "3"
    named: str = ""  # the name without the number, where it is not sure to be one
    first: int = 0  # the line where it begins, with the number or the name above it; 0: in its own line
    name_line: int = 0  # where the name stands in a line above the verb
    doubtful: bool = False  # the name looks like a sentence: a date must be beside it

    @property
    def begin(self) -> int:
        return self.first or self.number


class _Comment(Struct, frozen=True):
    """Where a comment begins, and what its head says."""

    first: int  # line: of its head, of the date above it, or of the text that its foot closes
    name: str
    printed: Printed | None
    own: frozenset[int]  # lines that are none of its text: head, number, date
    closed: bool = False  # by its date: the text ends there


class _Plan(Struct, frozen=True):
    comments: list[_Comment]
    page_lines: frozenset[int]  # "3 Responses to ..." before the first comment
    pingbacks: frozenset[int]  # lines where the notice of a link begins; it goes on to the next comment
    footer: int | None  # line
    told: bool = False  # whether the page says that comments follow


def score(head: Head) -> Score:
    """By heads of comments that have their date, or follow the page's own count of comments."""
    order = utf16_order(head.start)
    text = head.start.decode(f"utf-16-{order}" if order else "utf-8", "replace")
    if text.count("\ufffd") > 20:
        text = head.start.decode(eight_bit(head.start), "replace")
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    if text.lstrip()[:1] in {"{", "[", "<"}:
        return NOT_MINE
    plan = _plan(lines)
    dated = sum(comment.printed is not None for comment in plan.comments)
    if dated == 0:
        if (plan.told and plan.comments) or len(plan.comments) > 2:
            return Score(55, f"{len(plan.comments)} heads of comments, without dates")
        return NOT_MINE
    return Score(70 if dated == 1 else 85, f"{dated} heads of comments with their dates")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """The article, then every comment in the order of the page; the lines of the page itself are non-posts.

    Raises `ExportError` where the file has neither the head of a comment nor the date of an article.
    """
    encoding = detect(export, reading.encoding)

    def lines() -> Iterator[tuple[str, str | None]]:
        for raw in raw_lines(export):
            text, note = decode_line(raw.content, encoding)
            yield (text.removeprefix("\ufeff") if raw.number == 1 else text).rstrip("\r\n"), note

    plan = _plan(text for text, _ in lines())
    page = _Page(export, reading, bool(plan.comments))
    begins = {comment.first: comment for comment in plan.comments}
    comment: _Comment | None = None
    block = Block([], [])
    of_page = False
    for number, (text, note) in enumerate(lines(), start=1):
        starts_page = number in plan.page_lines or number in plan.pingbacks or number == plan.footer
        if number in begins or starts_page:
            yield from page.item(comment, block)
            comment, block = begins.get(number), Block([], [])
            of_page = number in plan.pingbacks or number == plan.footer
        if starts_page or of_page:
            if text.strip():
                yield NonPost(origin=origin(export, NAME, f"line {number}"), what=f"page: {_bare(text)[:80]}")
            continue
        block.note(note)
        block.size += len(text)
        if text.strip():
            block.first, block.last = block.first or number, number
        if comment is not None and number in comment.own:
            if number == min(comment.own):
                block.indent = text[: len(text) - len(text.lstrip())]
            continue
        if (
            comment is not None
            and not comment.closed
            and number < max(comment.own)
            and _is_button(_bare(text))
        ):
            continue  # between a head and its date
        if block.size <= COMMENT_LIMIT:
            block.lines.append(text)
    yield from page.item(comment, block)
    if page.empty:
        raise ExportError(
            f'{export.name}: no head such as "NAME said:" with a date beside it, no count of comments, '
            f'and no "Posted on"; set another reader'
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
            text = _body([line.removeprefix(block.indent) for line in _without_buttons(block.lines)])
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


def head_of(name: str | None, text: str) -> tuple[str | None, str, list[str]]:
    """Name and text of a comment of a page in HTML without the words of the page around them.

    The third are words of the head that may hold its date.

    >>> head_of("Tara said:", "yes\\n\\nReply"), head_of("Tara", "Says:\\nyes")
    (('Tara', 'yes', []), ('Tara', 'yes', []))
    """
    dated = []
    lines = text.split("\n")
    first = _bare(lines[0])
    if first and first.casefold().rstrip(" :.…") in _said():
        lines = lines[1:]
    elif name is None and first and (mark := _mark(1, first, 0, True)) is not None and mark.what == "head":
        name, lines = first, lines[1:]
    if name is not None:
        bare = _bare(name)
        mark = _mark(1, bare, 0, True) if bare else None
        if mark is not None and mark.what in {"head", "foot", "weak"} and mark.name:
            dated.append(bare)
            name = mark.name
        name = storable(name.strip(" :,|-\N{EN DASH}")) or None
    return name, _body(_without_buttons(lines)), [words for words in dated if words.count(" ") > 2]


def _marks(lines: Iterable[str], buttons: list[int]) -> Iterator[_Mark]:
    """The lines that matter, in order; `before` lets see whether two of them stand side by side.

    The lines of buttons are added to `buttons`.
    """
    before, blank = 0, True
    counted: tuple[int, int] | None = None  # line and number of a line that holds but a number
    above, above_number, above_fresh, above_before = "", 0, False, 0
    for number, line in enumerate(lines, start=1):
        bare = _bare(line)
        if not bare:
            blank = True
            continue
        if len(bare) <= 160:
            if _is_button(bare):
                buttons.append(number)
                blank = True
                continue
            if (found := _NUMBER_LINE.fullmatch(bare)) is not None:
                counted = number, int(found[1])
                continue
            if above and bare[-1] in ":.…" and bare.casefold().rstrip(" :.…") in _said():
                first = counted[0] if counted is not None else above_number
                yield _Mark(
                    number,
                    "head",
                    above_before,
                    above,
                    follows_blank=above_fresh,
                    line_count=counted and counted[1],
                    first=first,
                    name_line=above_number,
                    doubtful=True,
                )
                before, blank, counted, above = number, False, None, ""
                continue
            mark = _mark(number, bare, before, blank)
            if mark is not None:
                if counted is not None and mark.what in {"head", "weak"}:
                    mark = replace(mark, line_count=counted[1], first=counted[0])
                elif mark.what == "date" and above_fresh and before == above_number:
                    mark = replace(mark, name=above, first=counted[0] if counted else above_number)
                yield mark
        if len(bare) <= 60:
            above, above_number, above_fresh, above_before = bare, number, blank, before
        else:
            above = ""
        before, blank = number, False
        counted = None
    yield _Mark(before + 1_000_000, "end", before)


def _mark(number: int, bare: str, before: int, blank: bool) -> _Mark | None:
    shown = _behind().sub("", bare) if bare[-1].isalpha() else bare
    if bare[-1] in ":.…" or bare[-1].isalnum():
        for form in ("foot", "head"):
            if form == "foot" and not bare.casefold().startswith(_foot_starts()):
                continue
            for with_date in (True, False):
                match = _heads(form, with_date).fullmatch(shown if with_date else bare)
                if match is None:
                    continue
                found = {key[0]: value for key, value in match.groupdict().items() if value is not None}
                printed = long_date(found["d"]) if with_date else None
                if with_date == (printed is not None):
                    return _named_mark(number, form, before, blank, (found["n"], printed))
    if any(char.isdigit() for char in bare):
        rest = _posted().sub("", shown)
        printed = long_date(shown) or long_date(rest)
        if printed is not None:
            return _Mark(number, "date", before, "", printed, blank)
        if (weak := _dated_name(shown)) is not None:
            return _named_mark(number, "weak", before, blank, weak)
    for what in ("responses", "footer", "pingback"):
        if _page(what, blank).match(bare):
            return _Mark(number, what, before, follows_blank=blank)
    return None


def _named_mark(
    number: int, what: str, before: int, blank: bool, found: tuple[str, Printed | None]
) -> _Mark | None:
    name, printed = found[0].strip(), found[1]
    count, sure, named = None, False, name
    if (numbered := _NUMBERED.fullmatch(name)) is not None:
        count, sure, named = int(numbered[1]), bool(numbered[2]) or name[0] == "#", numbered[3]
    name = named if sure else name
    if not any(char.isalnum() for char in name):
        return None
    doubtful = _DOUBTFUL_NAME.search(name) is not None
    return _Mark(
        number,
        what,
        before,
        name,
        printed,
        follows_blank=blank,
        count=count,
        sure_count=sure,
        named=named,
        doubtful=doubtful,
    )


def _dated_name(bare: str) -> tuple[str, Printed] | None:
    """The name before a date with its time, in one line without a verb."""
    if bare.count(" ") > 14 or not re.search(r"\d{4}.*\d[:.]\d\d", bare):
        return None
    for blank in re.finditer(" ", bare):
        printed = long_date(bare[blank.end() :])
        if printed is not None:
            name = re.sub(
                r"^by | (?:on|at|في)$",
                "",
                bare[: blank.start()].rstrip(" ,|-\u2013\u2014\xb7:"),
                flags=re.IGNORECASE,
            )
            return (name, printed) if name and printed.precision != "day" else None
    return None


def _plan(lines: Iterable[str]) -> _Plan:
    """Which marks are heads of comments.

    Whether dates stand above the heads, below them or below the texts is decided once for a page.  A head
    needs evidence: a date beside it, or its turn in the numbers of the comments.  A page that has no date
    beside any head is believed by its count of comments, or by three heads.
    """
    buttons: list[int] = []
    seen = list(_marks(lines, buttons))
    told = next((mark.number for mark in seen if mark.what == "responses"), None)
    kinds = {mark.what for mark in seen}
    heads = [at for at, mark in enumerate(seen) if mark.what == "head"]
    if told is not None and heads and seen[heads[-1]].number > told:
        heads = [at for at in heads if seen[at].number > told]  # an article may quote too
    turns, quoted = _in_turn(seen, heads)
    comments: list[_Comment] = []
    if heads:
        comments = _headed(seen, heads, turns, quoted, told is not None)
    dated = any(comment.printed is not None for comment in comments)
    if not dated and "foot" in kinds:
        comments = _footed(seen, told) or comments
    elif not comments and told is not None:
        comments = _weakly_headed(seen, told)
    start = comments[0].first if comments else None
    page_lines = frozenset(
        mark.number for mark in seen if mark.what == "responses" and (start is None or mark.number < start)
    )
    last = max(comments[-1].own) if comments else 0
    footer = next((mark.number for mark in seen if mark.what == "footer" and mark.number > last), None)
    tail = _tail(comments, buttons)
    footer = tail if footer is None or (tail is not None and tail < footer) else footer
    pingbacks = frozenset(
        mark.number for mark in seen if mark.what == "pingback" and mark.number >= (told or start or 1 << 60)
    )
    return _Plan(comments, page_lines, pingbacks, footer, told is not None)


def _tail(comments: list[_Comment], buttons: list[int]) -> int | None:
    """The line behind the last comment, where the page closes comments with a date or a button; else None."""
    if not comments:
        return None
    last = comments[-1]
    if last.closed:
        return max(last.own) + 1
    if len(comments) < 3:
        return None
    ends = [one.first for one in comments[1:]]
    pressed = [
        next((line for line in buttons if max(one.own) < line < end), None)
        for one, end in zip(comments, [*ends, 1 << 60], strict=True)
    ]
    if pressed[-1] is None or 10 * sum(line is not None for line in pressed) < 9 * len(pressed):
        return None
    return pressed[-1] + 1


def _in_turn(seen: list[_Mark], heads: list[int]) -> tuple[set[int], set[int]]:
    """The heads whose number follows in the row, and those that quote another number.

    Numbers stand in the heads or in lines of their own.  They count where most heads have one and most of
    those rise.  The marks in `seen` are set right: what is no number of a comment stays in the name.
    """
    sure = [at for at in heads if seen[at].count is not None and seen[at].sure_count]
    each = [at for at in heads if seen[at].count is not None]
    lines = [at for at in heads if seen[at].line_count is not None]
    best: tuple[set[int], list[int]] = set(), []
    for counted, share in ((sure, 0.5), (lines, 0.5), (each, 0.6)):
        if len(counted) < max(2.0, share * len(heads)):
            continue
        numbers = [seen[at].line_count if counted is lines else seen[at].count for at in counted]
        turns = {counted[place] for place in _longest_rise([number or 0 for number in numbers])}
        if 3 * len(turns) >= 2 * len(counted) and len(turns) > len(best[0]):
            best = turns, counted
    turns, counted = best
    for at in heads:
        mark = seen[at]
        if counted is each and at in turns:
            seen[at] = replace(mark, name=mark.named)
        if mark.first != mark.name_line and not (counted is lines and at in turns):
            seen[at] = replace(seen[at], first=mark.name_line)  # a number of the text before it
    return turns, set(counted) - turns


def _longest_rise(numbers: list[int]) -> list[int]:
    """The places of the longest row of numbers that rises; of equal rows the one that ends lowest."""
    ends: list[int] = []  # place of the lowest end of a row of each length
    link: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number, key=lambda end: numbers[end])
        link.append(ends[length - 1] if length else -1)
        ends[length : length + 1] = [place]
    row: list[int] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        row.append(at)
        at = link[at]
    return row[::-1]


def _headed(
    seen: list[_Mark], every: list[int], turns: set[int], quoted: set[int], told: bool
) -> list[_Comment]:
    heads = [at for at in every if at not in quoted]
    below = {at for at in every if _is_date_below(seen, at)}
    above = {at for at in every if _is_date_above(seen, at)}
    if _dates_end_comments(seen, heads, above - quoted, below - quoted):
        return _closed_by_dates(seen, heads, turns)
    votes = len(below - quoted) - len(above - quoted)
    if votes == 0:
        votes = -1 if heads[0] in above else 1
    taken: set[int] = set()
    dated: dict[int, int] = {}  # head -> date, by place in `seen`
    for side in (1, -1) if votes > 0 else (-1, 1):
        for at in every:
            beside = at in (below if side == 1 else above) and seen[at].printed is None
            if beside and at not in dated and at + side not in taken:
                dated[at] = at + side
                taken.add(at + side)
    undated_page = not dated and all(seen[at].printed is None for at in heads)
    blankless = not any(seen[at].follows_blank for at in heads[1:])
    plain = [at for at in heads if _begins_paragraph(seen[at], blankless)]
    comments: list[_Comment] = []
    known: set[tuple[str, datetime]] = set()
    rising = _rise([printed for at in heads if (printed := _printed_of(seen, at, dated)) is not None])
    for at in heads:
        mark = seen[at]
        date = seen[dated[at]] if at in dated else None
        printed = _printed_of(seen, at, dated)
        if printed is not None:
            key = (mark.name, printed.local)
            previous = comments[-1].printed if comments else None
            backward = previous is not None and printed.local < previous.local
            if rising and backward and key in known and at not in turns:
                continue  # a comment that quotes an earlier one, with its head and date
            known.add(key)
        elif undated_page:
            if at not in (turns or plain) or not (turns or told or len(plain) > 2):
                continue
        elif at not in turns and not (mark.follows_blank and _next_begins(seen, at, dated)):
            continue
        comments.append(_comment(mark, date))
    return comments


def _printed_of(seen: list[_Mark], at: int, dated: dict[int, int]) -> Printed | None:
    return seen[dated[at]].printed if at in dated else seen[at].printed


def _rise(times: list[Printed]) -> bool:
    """Whether the comments of a page stand in the order of their times."""
    back = sum(later.local < earlier.local for earlier, later in pairwise(times))
    return 4 * back <= len(times)


def _begins_paragraph(mark: _Mark, blankless: bool) -> bool:
    """Whether a head without a date can be one: a name of its own, and not the words of a text."""
    return (
        not mark.doubtful
        and (mark.follows_blank or blankless)
        and len(mark.name) <= 40
        and mark.name.count(" ") < 5
        and mark.name.casefold() not in _pronouns()
    )


def _comment(mark: _Mark, date: _Mark | None) -> _Comment:
    own = {mark.number, mark.begin} | ({date.number} if date is not None else set())
    if mark.begin < mark.number:  # the number of the comment, its name and its verb in lines of their own
        own |= set(range(mark.begin, mark.number))
    printed = mark.printed if date is None else date.printed
    return _Comment(min(own), mark.name, printed, frozenset(own))


def _dates_end_comments(seen: list[_Mark], heads: list[int], above: set[int], below: set[int]) -> bool:
    """Whether dates close comments: no head has one below, and one follows the last text.

    Where the page goes on behind the last comment, the first head decides: it has no date beside it.
    """
    if 2 * len(below) > len(heads) or any(seen[at].printed is not None for at in heads):
        return False
    first, last = heads[0], heads[-1]
    if last not in below and (closing := _next_date(seen, last)) is not None:
        behind = seen[closing + 1]
        if behind.before == seen[closing].number and behind.what in {"end", "footer", "pingback"}:
            return first not in above or not below
    if len(heads) == 1:
        return first not in above and first not in below and _next_date(seen, first) is not None
    return first not in above and len(above) > len(below)


def _closed_by_dates(seen: list[_Mark], heads: list[int], turns: set[int]) -> list[_Comment]:
    """Comments whose date stands below their text: a head follows the date of the comment before it."""
    real = [at for at in heads if at == heads[0] or at in turns or _is_date_above(seen, at)]
    if 2 * len(real) < len(heads):
        real = [at for at in heads if _next_date(seen, at) is not None]
    comments = []
    for place, at in enumerate(real):
        end = real[place + 1] if place + 1 < len(real) else len(seen)
        dates = [seen[later] for later in range(at + 1, end) if seen[later].what == "date"]
        if end == len(seen):  # dates of the page itself may follow
            dates = ([date for date in dates if date.printed and date.printed.precision != "day"] or dates)[
                :1
            ]
        comments.append(_comment_closed(seen[at], dates[-1] if dates else None))
    return comments


def _comment_closed(mark: _Mark, date: _Mark | None) -> _Comment:
    comment = _comment(mark, date)
    return _Comment(mark.begin, comment.name, comment.printed, comment.own, date is not None)


def _footed(seen: list[_Mark], told: int | None) -> list[_Comment]:
    """Comments that end in a line such as "Comment by NAME", or begin with it where no text is before it."""
    feet = [mark for mark in seen if mark.what == "foot" and (told is None or mark.number > told)]
    if not feet or (feet[0].printed is None and told is None):
        return []
    above = feet[0].before not in {0, told}
    if told is None and above:
        return []
    comments, begin = [], (told or 0) + 1
    for mark in feet:
        beside = seen[seen.index(mark) + 1]
        date = (
            beside
            if mark.printed is None and beside.what == "date" and beside.before == mark.number
            else None
        )
        comment = _comment(mark, date)
        first = begin if above else comment.first
        comments.append(_Comment(first, comment.name, comment.printed, comment.own))
        begin = max(comment.own) + 1
    return comments


def _weakly_headed(seen: list[_Mark], told: int) -> list[_Comment]:
    """Comments of a page that counts them, whose heads are but a name and a whole date with its time."""
    weak = [mark for mark in seen if mark.what == "weak" and mark.number > told]
    if weak:
        return [_comment(mark, None) for mark in weak]
    named = [
        mark
        for mark in seen
        if mark.what == "date" and mark.name and mark.number > told
        and mark.printed is not None and mark.printed.precision != "day"
    ]  # fmt: skip
    return [_comment(mark, None) for mark in named]


def _next_date(seen: list[_Mark], at: int) -> int | None:
    """The first date between a head and the next one, by place in `seen`."""
    for later in range(at + 1, len(seen)):
        if seen[later].what == "date":
            return later
        if seen[later].what in {"head", "footer"}:
            return None
    return None


def _is_date_below(seen: list[_Mark], at: int) -> bool:
    return at + 1 < len(seen) and seen[at + 1].what == "date" and seen[at + 1].before == seen[at].number


def _is_date_above(seen: list[_Mark], at: int) -> bool:
    return at > 0 and seen[at - 1].what == "date" and seen[at].before == seen[at - 1].number


def _next_begins(seen: list[_Mark], at: int, dated: dict[int, int]) -> bool:
    """Whether a head without a date is followed at once by the next comment, or by the end."""
    following = seen[at + 1]
    if following.before != seen[at].number or not dated:
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
    while end and (not lines[end - 1].strip() or _is_button(_bare(lines[end - 1]))):
        end -= 1
    return lines[:end]


def _is_button(bare: str) -> bool:
    if not bare or len(bare) > 80 or bare[0].casefold() not in _button_starts():
        return False
    return _buttons().fullmatch(bare) is not None


@cache
def _button_starts() -> frozenset[str]:
    return frozenset(row["phrase"][0].casefold() for row in rows("blog_lines") if row["what"] == "button")


@cache
def _buttons() -> re.Pattern[str]:
    phrases = _alternatives("button").replace("NUMBER", r"[+-]?\d+").replace("NAME", ".{1,40}")
    return re.compile(rf"(?:{phrases})(?:[ |\N{{MIDDLE DOT}}]+(?:{phrases}))*", re.IGNORECASE)


@cache
def _said() -> frozenset[str]:
    """The verbs of heads, where one stands alone below the name."""
    phrases = [
        row["phrase"] for row in rows("blog_lines") if row["what"] == "head" and "DATE" not in row["phrase"]
    ]
    return frozenset(
        phrase.removeprefix("NAME ").rstrip(" :.…").casefold()
        for phrase in phrases
        if phrase.startswith("NAME ")
    )


@cache
def _pronouns() -> frozenset[str]:
    return frozenset(row["phrase"].casefold() for row in rows("blog_lines") if row["what"] == "nobody")


@cache
def _foot_starts() -> tuple[str, ...]:
    return tuple(
        row["phrase"].partition("NAME")[0].casefold() for row in rows("blog_lines") if row["what"] == "foot"
    )


def _body(lines: list[str]) -> str:
    """The lines without the blank ones around them."""
    begin, end = 0, len(lines)
    while begin < end and not lines[begin].strip():
        begin += 1
    while end > begin and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[begin:end])


@cache
def _heads(what: str, with_date: bool) -> re.Pattern[str]:
    forms = []
    phrases = [row["phrase"] for row in rows("blog_lines") if row["what"] == what]
    for number, phrase in enumerate(phrase for phrase in phrases if ("DATE" in phrase) == with_date):
        form = re.escape(phrase).replace(r"\ ", " +")
        forms.append(
            form.replace("NAME", f"(?P<n{number}>.{{1,80}}?)").replace("DATE", f"(?P<d{number}>.+?)")
        )
    return re.compile("|".join(forms) or "(?!)", re.IGNORECASE)


@cache
def _page(what: str, blank: bool) -> re.Pattern[str]:
    """A line of the page's own; without a blank line above, nothing may stand behind its words."""
    end = r"(?= *\W*$"
    if what == "pingback":
        end = "(?="
    elif blank and what == "responses":
        end += r"| +[\"“«'”‘]|:|(?<= to) |(?<= on) |(?<= على) |(?<= حول) "
    elif what == "responses":
        end += r"| +[“«\"].*[”»\"]$|(?<= to) [^.]*$|(?<= on) [^.]*$"
    elif blank:
        end += r"| +(?:to|on|على|cancel).*$"
    phrases = _alternatives(what).replace("NUMBER", r"[\d\u0660-\u0669\u06f0-\u06f9,.]+")
    return re.compile(rf"(?:{phrases}){end})", re.IGNORECASE)


@cache
def _posted() -> re.Pattern[str]:
    return re.compile(rf"^(?:{_alternatives('posted')})[: ]+", re.IGNORECASE)


@cache
def _behind() -> re.Pattern[str]:
    return re.compile(
        rf"(?:[ |\N{{MIDDLE DOT}}\N{{EN DASH}}-]*(?:{_alternatives('behind')}))+$", re.IGNORECASE
    )


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
    files="*.txt",
)
