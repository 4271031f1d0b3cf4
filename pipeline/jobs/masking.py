"""Telephone numbers, handles and e-mail addresses in texts, made unreadable where a source asks for it.

Letters and digits become `*`, one for one, so that a masked text is as long as the exported one and every
span still counts its code points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, Literal

from msgspec.structs import replace

from pipeline.data import rows
from pipeline.records import Post, Rejection

Mask = Literal["phones", "handles", "emails"]
SIGN: Final = "*"


def mask_texts(texts: Sequence[str], what: Sequence[Mask]) -> list[str]:
    """The texts with what was asked for masked; of the same length, and the same object where nothing is.

    Handles are those behind a @, and what stands behind the host in a link to a profile or a post of one;
    phones are numbers as `find_phones` tells them, and those in links that open a chat.

    >>> mask_texts(["call +963 944 123 456 or @radar", "see https://t.me/radar/12"], ["phones", "handles"])
    ['call +*** *** *** *** or @*****', 'see https://t.me/*****/**']
    """
    from pipeline.text.marks import find_marks  # noqa: PLC0415  numpy, where a source masks

    marks = find_marks(texts)
    masked = []
    for text, phones, opaque in zip(texts, marks.phone_spans, marks.opaque_spans, strict=True):
        spans = [(span.start, span.end) for span in phones] if "phones" in what else []
        numbers = set(phones)
        for span in opaque:
            if span not in numbers:
                spans += _hidden(span.of(text), span.start, what)
        masked.append(_over(text, spans) if spans else text)
    return masked


def mask_posts(posts: Sequence[Post], what: Sequence[Mask]) -> list[Post]:
    """The posts with their texts, the names of their groups and files, and what is in `extra`, masked."""
    if not what:
        return list(posts)
    strings: list[str] = []
    for post in posts:
        strings += [post.text, post.group_name or "", *post.media, *_strings(post.extra)]
    masked = mask_texts(strings, what)
    if all(one is other for one, other in zip(strings, masked, strict=True)):
        return list(posts)
    at = iter(masked)
    return [
        replace(
            post,
            text=next(at),
            group_name=next(at) or None,
            media=tuple(next(at) for _ in post.media),
            extra=_put(post.extra, at),
        )
        for post in posts
    ]


def mask_rows(rejections: Sequence[Rejection], what: Sequence[Mask]) -> list[Rejection]:
    """The same for rows that were refused; names of authors stay in them."""
    if not what:
        return list(rejections)
    masked = iter(mask_texts([text for one in rejections for text in (one.detail, one.raw)], what))
    return [replace(one, detail=next(masked), raw=next(masked)) for one in rejections]


def _hidden(mark: str, start: int, what: Sequence[Mask]) -> Iterator[tuple[int, int]]:
    """What of a link, an e-mail address or a handle is hidden."""
    if mark.startswith("@"):
        if "handles" in what:
            yield start, start + len(mark)
    elif "://" not in mark[:9] and "@" in mark and "/" not in mark:
        if "emails" in what:
            yield start, start + len(mark)
    else:
        at = mark.find("://")
        begin = at + 3 if at >= 0 else 0
        host = mark[begin:].partition("/")[0]
        name = host.lower().removeprefix("www.").removeprefix("m.").removeprefix("mobile.")
        if _hosts().get(name) in what:
            yield start + begin + len(host), start + len(mark)


@cache
def _hosts() -> dict[str, str]:
    return {row["host"]: row["holds"] for row in rows("profile_hosts")}


def _over(text: str, spans: Sequence[tuple[int, int]]) -> str:
    letters = list(text)
    for start, end in spans:
        letters[start:end] = [SIGN if _is_told(char) else char for char in letters[start:end]]
    return "".join(letters)


def _is_told(char: str) -> bool:
    return char.isalnum() or char == "_"


def _strings(value: Any) -> Iterator[str]:
    """The strings of a JSON value, in order; keys are not among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)


def _put(value: Any, masked: Iterator[str]) -> Any:
    """The JSON value with the strings from `masked`, in the same order."""
    if isinstance(value, str):
        return next(masked)
    if isinstance(value, dict):
        return {name: _put(one, masked) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_put(one, masked) for one in value]
    return value
