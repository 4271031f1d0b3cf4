"""Who and what was forgotten, so that no later run takes it in again: keyed digests beside the key.

The list holds neither names nor ids.  An entry is HMAC-SHA-256 under one of the keys over a pseudonym, a
`post_id`, or the platform's own id of a post in a source; only who holds the key can ask whether somebody
is on it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pipeline.errors import ConfigError
from pipeline.jobs.keys import Ring, read_private, write_private
from pipeline.jobs.people import Key, keyed, pseudonym
from pipeline.records import Post, Rejection

Kind = Literal["author", "post", "native"]

Entry = tuple[str, str, str]
"""Kind, id of the key, digest in hexadecimal digits."""


def list_file(path: Path) -> Path:
    """Where the list is kept, beside the key in `path`."""
    return path.with_name(f"{path.name}.forgotten")


def entry(kind: Kind, value: str, key: Key) -> Entry:
    """What stands on the list for a value.

    >>> entry("author", "1d7314b4f62e02fae7b3c3f62f9636b5", Key(bytes(32)))[2]
    'd63eb658c484a754a441848334688cb8'
    """
    raw = f"forgotten {kind}\0{value}".encode("utf-8", "replace")
    return kind, key.key_id, hmac.digest(key.secret, raw, "sha256")[:16].hex()


def names_of(key: Key, platform: str, named: str) -> tuple[str, ...]:
    """The pseudonyms that an author can have who is called so: by id, or by name where there is no id."""
    return tuple(
        name
        for written in spellings(named)
        for name in (pseudonym(key, platform, written, None), pseudonym(key, platform, None, written))
        if name is not None
    )


def spellings(named: str) -> tuple[str, ...]:
    """How exports may write what a person typed: with or without the sign of a handle, numbers in groups.

    >>> spellings("@radar"), spellings("+963 944 123456")[:2]
    (('@radar', 'radar'), ('+963 944 123456', '+963944123456'))
    """
    found = [named, named.strip(), named.strip().lstrip("@")]
    digits = "".join(char for char in named if char.isdigit())
    if len(digits) >= 7 and not any(char.isalpha() for char in named):
        found += [f"+{digits}", digits, f"00{digits}"]
        for code in (1, 2, 3):
            rest = digits[code:]
            for groups in (
                (3, 3, 3),
                (2, 3, 4),
                (3, 3, 4),
                (1, 3, 3),
                (2, 3, 3),
                (3, 2, 2, 2),
                (3, 4),
                (4, 6),
            ):
                if sum(groups) == len(rest):
                    ends = [sum(groups[:at]) for at in range(len(groups) + 1)]
                    parts = [rest[ends[at] : ends[at + 1]] for at in range(len(groups))]
                    found += [f"+{digits[:code]} {sign.join(parts)}" for sign in (" ", "-")]
    return tuple(dict.fromkeys(one for one in found if one))


class Suppression:
    """The list, with the keys that can ask it."""

    def __init__(self, ring: Ring, entries: Iterable[Entry] = ()) -> None:
        self._ring = ring
        self.entries = frozenset(entries)
        self._kinds = {kind for kind, _, _ in self.entries}
        known = {key_id for _, key_id, _ in self.entries}
        self._askers = [key for key in ring.keys if key.key_id in known]
        self._has_author = lru_cache(maxsize=1 << 16)(self._author)

    @property
    def digest(self) -> str | None:
        """What changes when the list does; None for an empty one."""
        if not self.entries:
            return None
        told = "\n".join(" ".join(one) for one in sorted(self.entries))
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def has(self, kind: Kind, value: str) -> bool:
        """Whether a pseudonym, a `post_id`, or "source native_id" is on the list."""
        return any(entry(kind, value, key) in self.entries for key in self._askers)

    def holds(self, post: Post) -> bool:
        """Whether a post, as its reader gave it, was forgotten or is by somebody who was."""
        if "author" in self._kinds and self._has_author(post.platform, post.author_id, post.author_name):
            return True
        if "post" not in self._kinds:
            return False
        ids = {post.post_id, *(keyed(key, post.post_id) for key in self._ring.keys)}
        return any(self.has("post", one) for one in ids)

    def holds_row(self, rejection: Rejection, platforms: Iterable[str]) -> bool:
        """Whether a row that was refused names somebody who was forgotten, or is such a post."""
        if not self.entries:
            return False
        if "native" in self._kinds and any(
            self.has("native", f"{rejection.source} {found}") for found in ids_in(rejection.raw)
        ):
            return True
        return "author" in self._kinds and any(
            self._has_author(platform, None, value) or self._has_author(platform, value, None)
            for value in values(rejection.raw)
            for platform in platforms
        )

    def _author(self, platform: str, author_id: str | None, author_name: str | None) -> bool:
        names = (pseudonym(key, platform, author_id, author_name) for key in self._ring.keys)
        return any(name is not None and self.has("author", name) for name in names)


_QUOTED: Final = re.compile(r'"([^"\\\n]{1,200})"')
_PIECE: Final = re.compile(r"[^\t,;|\"\n\r{}\[\]<>]{1,200}")
_ID: Final = re.compile(
    r'"(?:id|id_str|message_id|post_id|tweet_id|comment_id|native_id)"\s{0,4}:\s{0,4}"?([\w.\-]{1,80})'
)
_MOST: Final = 2_000  # pieces of one row


def values(raw: str) -> Iterator[str]:
    """What in a raw row may be a name, an id or a number: quoted strings, cells, what stands before a colon.

    >>> list(values('"from": "Nour", "from_id": "user7"'))[1::2]
    ['Nour', 'user7']
    """
    seen: set[str] = set()
    for pattern in (_QUOTED, _PIECE):
        for found in pattern.finditer(raw):
            whole = found[found.lastindex or 0]
            for piece in (whole, *re.split(r": | - |\] ", whole)):
                value = piece.strip(" \u200e\u200f\u202a\u202c:")
                if len(value) > 1 and value not in seen:
                    if len(seen) == _MOST:
                        return
                    seen.add(value)
                    yield value


def ids_in(raw: str) -> Iterator[str]:
    """The values of a raw row that are the platform's id of the post."""
    for found in _ID.finditer(raw):
        yield found[1]
    first = re.match(r'"?([\w.\-]{3,80})"?[\t,;|]', raw)
    if first is not None:
        yield first[1]


def open_suppression(path: Path, ring: Ring) -> Suppression:
    """The list beside the key in `path`; empty where there is none.

    Raises `ConfigError` where others may read it, or a line of it is no entry.
    """
    entries = []
    for number, line in enumerate(read_private(list_file(path)).splitlines(), start=1):
        match line.split(" "):
            case ["author" | "post" | "native" as kind, key_id, digest]:
                entries.append((kind, key_id, digest))
            case _:
                raise ConfigError(f"{list_file(path)} line {number}: is no entry; get the file from a backup")
    return Suppression(ring, entries)


def suppress(path: Path, more: Iterable[Entry]) -> int:
    """Put entries on the list, durably; how many were not on it before."""
    there = read_private(list_file(path)).splitlines()
    fresh = [line for line in dict.fromkeys(" ".join(one) for one in more) if line not in set(there)]
    if fresh:
        write_private(list_file(path), "".join(f"{line}\n" for line in (*there, *fresh)))
    return len(fresh)
