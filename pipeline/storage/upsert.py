"""Which sight of a post is its row: settled over digests, without reading the rows of the version before.

A sight is one observation of a post in one export.  The rows of the version before are the first sights, then
come those of the run, in order.  The rule, sight by sight:

1. Nothing known of the post: the sight is its row.
2. The row's own text: it becomes the row only if it was edited later; else it is a duplicate.
3. A text that is in the post's history with the same or a later edit: a duplicate.
4. Another text, edited later than the row, or the same rank: it becomes the row, the row's text history.
5. Another text, edited earlier than the row: it goes into the history.

So an edit wins over what it edits, whichever file is read first, no text is lost, and reading again what
was read before changes nothing, in any order.

Posts are told apart by 96 bits of a digest of their id (in 10^9 posts two are alike with a chance of 10^-11),
the texts of one post by 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.errors import DatasetError
from pipeline.storage.durable import hash_file

SIGHT: Final = np.dtype(
    [
        ("key", "<u8"),  # of the post: 64 bits of the digest of its id
        ("check", "<u4"),  # and 32 more
        ("size", "<u4"),  # code points of the text
        ("text", "<u8"),  # digest of the text
        ("rank", "<i8"),  # microseconds of edited_at; 0 without an edit
        ("posted", "<i8"),  # microseconds of posted_at; UNKNOWN where it is not known
        ("places", "<u4"),  # rows in places
        ("dates", "<u4"),
    ]
)
UNKNOWN: Final = np.iinfo(np.int64).max  # sorts last
_PART: Final = 1 << 19  # sights that are settled at a time
_MOST_PARTS: Final = 16
_CHUNK: Final = 1 << 16  # sights read from the disk at a time

Sights = NDArray[np.void]


class Known(Struct, frozen=True):
    """An earlier text of a post: a sight, or an entry of the history that the row before carries."""

    sight: int | None
    stored: int | None  # index in that history


class Verdict(Struct, frozen=True):
    """What the sights of one post came to: the sight that is its row now, and all its earlier texts."""

    winner: int
    history: tuple[Known, ...]  # in the order of their edits; of the same rank, as they became history


class Ids:
    """The posts of one published segment: the digests of their ids, sorted, and what the row of each is.

    The file holds the keys, then the rest of each: little-endian, nothing else.  It is mapped, not read.
    """

    REST: Final = np.dtype([("check", "<u4"), ("row", "<u4"), ("text", "<u8"), ("rank", "<i8")])

    def __init__(self, path: Path, rows: int, sha256: str) -> None:
        """Raises `DatasetError` where the file is not what was published: a post could become two rows."""
        if hash_file(path) != sha256:
            raise DatasetError(f"{path}: its bytes are not the published ones; rerun the source")
        self.rows = rows
        self.keys: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.rest: Sights = np.zeros(0, self.REST)
        if rows:
            self.keys = np.memmap(path, "<u8", "r", shape=(rows,))
            self.rest = np.memmap(path, self.REST, "r", offset=8 * rows, shape=(rows,))

    def find(self, keys: NDArray[np.uint64], checks: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Where each of the sorted `keys` stands in this list; -1 where it does not."""
        if not self.rows:
            return np.full(len(keys), -1)
        at = np.searchsorted(self.keys, keys)
        inside = np.minimum(at, self.rows - 1)
        found = np.where(self.keys[inside] == keys, inside, -1)
        wrong = np.flatnonzero((found >= 0) & (self.rest["check"][found] != checks))
        for place in wrong.tolist():  # two posts that share 64 bits stand side by side
            end = int(np.searchsorted(self.keys, keys[place], side="right"))
            here = np.flatnonzero(self.rest["check"][at[place] : end] == checks[place])
            found[place] = at[place] + here[0] if len(here) else -1
        return found

    @classmethod
    def encode(cls, rows: Sights) -> bytes:
        """The file of a segment whose rows are these sights, in the order of the rows."""
        order = np.lexsort((rows["check"], rows["key"]))
        rest = np.zeros(len(rows), cls.REST)
        rest["row"] = order
        for name in ("check", "text", "rank"):
            rest[name] = rows[name][order]
        return rows["key"][order].astype("<u8").tobytes() + rest.tobytes()


class Log:
    """The sights of a stage, on disk in their order."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, sights: bytes) -> int:
        """Append sights; the number of the first of them."""
        start = self._length
        self._file.write(sights)
        self._length += len(sights) // SIGHT.itemsize
        return start

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def chunks(self) -> Iterator[tuple[int, Sights]]:
        """All sights in order, many at a time, each time with the number of the first."""
        for start in range(0, self._length, _CHUNK):
            yield start, self.slice(start, min(start + _CHUNK, self._length))

    def slice(self, start: int, end: int) -> Sights:
        if start >= end:
            return np.zeros(0, SIGHT)
        return np.fromfile(self._file.name, SIGHT, count=end - start, offset=start * SIGHT.itemsize)

    def take(self, numbers: NDArray[np.int64]) -> Sights:
        """The sights of these numbers, in their order."""
        taken = np.zeros(len(numbers), SIGHT)
        chunk_of = numbers // _CHUNK
        for chunk in np.unique(chunk_of).tolist():
            wanted = np.flatnonzero(chunk_of == chunk)
            local = numbers[wanted]
            start = int(local.min())
            taken[wanted] = self.slice(start, int(local.max()) + 1)[local - start]
        return taken


class Settled:
    """Of every sight of a run the first sight of its post, and which posts have sights that may compete.

    `first[i]` is i where nothing was known of the post; the number of an earlier sight of the run; or
    -1 - r where it is row r of the version before, counted over all its segments.
    `posts` and `sights` list what has to compete, by post and then in order; what is only seen again is not
    in them.
    """

    def __init__(self, first: NDArray[np.int64], posts: NDArray[np.int64], sights: NDArray[np.int64]) -> None:
        self.first = first
        self._posts = posts
        self._sights = sights

    def contests(self, start: int, end: int) -> dict[int, list[int]]:
        """The competing sights of each post of which the first sight is from `start` to before `end`."""
        low, high = np.searchsorted(self._posts, [start, end])
        found: dict[int, list[int]] = {}
        pairs = zip(self._posts[low:high].tolist(), self._sights[low:high].tolist(), strict=True)
        for post, sight in pairs:
            found.setdefault(post, []).append(sight)
        return found


def settle(log: Log, earlier: Sequence[tuple[Ids, NDArray[np.bool_] | None]]) -> Settled:
    """Find the sights of one post, of the run's and of the segments of the version before.

    With each segment a mask says which of its rows stay; None says all.
    """
    count = len(log)
    first = np.arange(count, dtype=np.int64)
    parts = min(max(1, -(-count // _PART)), _MOST_PARTS)
    posts: list[NDArray[np.int64]] = []
    sights: list[NDArray[np.int64]] = []
    for part in range(parts):
        numbers, found = _part(log, part, parts)
        order = np.argsort(found["key"], kind="stable")
        if _alike(found["key"][order], found["check"][order]):
            order = np.lexsort((found["check"], found["key"]))
        numbers, found = numbers[order], found[order]
        if not len(numbers):
            continue
        is_head = np.ones(len(numbers), np.bool_)
        is_head[1:] = (found["key"][1:] != found["key"][:-1]) | (found["check"][1:] != found["check"][:-1])
        heads = np.flatnonzero(is_head)
        group = np.cumsum(is_head) - 1
        post = numbers[heads]
        text, rank = found["text"][heads], found["rank"][heads]
        keys, checks = found["key"][heads], found["check"][heads]
        base = 0
        for ids, stays in earlier:
            at = ids.find(keys, checks)
            known = np.flatnonzero(at >= 0)
            row = ids.rest["row"][at[known]].astype(np.int64)
            if stays is not None:
                known, row = known[stays[row]], row[stays[row]]
            post[known] = -1 - (base + row)
            text[known] = ids.rest["text"][at[known]]
            rank[known] = ids.rest["rank"][at[known]]
            base += ids.rows
        first[numbers] = post[group]
        later = numbers != post[group]
        plain = ~later | ((found["text"] == text[group]) & (found["rank"] <= rank[group]))
        open_ = np.zeros(len(heads), np.bool_)
        open_[group[~plain]] = True
        competing = np.flatnonzero(later & open_[group])
        posts.append(post[group[competing]])
        sights.append(numbers[competing])
    all_posts = np.concatenate(posts) if posts else np.zeros(0, np.int64)
    all_sights = np.concatenate(sights) if sights else np.zeros(0, np.int64)
    order = np.lexsort((all_sights, all_posts))
    return Settled(first, all_posts[order], all_sights[order])


def compete(
    row: tuple[int, int, int], history: Sequence[tuple[int, int]], sights: Sequence[tuple[int, int, int]]
) -> Verdict | None:
    """What becomes of a row, by the rule above; None where nothing does.

    `row` and each of `sights`: number, rank, digest of the text; `history`: rank and digest of what the row
    carries already.

    >>> compete((0, 0, 7), (), [(1, 5, 8)])
    Verdict(winner=1, history=(Known(sight=0, stored=None),))
    >>> compete((0, 0, 7), [(0, 8)], [(1, 0, 8)]) is None
    True
    """
    winner, best, text = row
    known = [(rank, digest, Known(None, stored)) for stored, (rank, digest) in enumerate(history)]
    is_changed = False
    for number, rank, digest in sights:
        if digest == text:
            if rank > best:
                winner, best, is_changed = number, rank, True
            continue
        if any(old == digest and old_rank >= rank for old_rank, old, _ in known):
            continue
        is_changed = True
        if rank >= best:
            known.append((best, text, Known(winner, None)))
            winner, best, text = number, rank, digest
        else:
            known.append((rank, digest, Known(number, None)))
    if not is_changed:
        return None
    return Verdict(winner, tuple(one for _, _, one in sorted(known, key=lambda version: version[0])))


def digest_of(text: str | bytes | memoryview) -> int:
    """64 bits that stand for a text."""
    raw = text.encode() if isinstance(text, str) else text
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little")


def _part(log: Log, part: int, parts: int) -> tuple[NDArray[np.int64], Sights]:
    """One of so many parts of the sights, by their keys: their numbers and they themselves, in order."""
    numbers, found = [np.zeros(0, np.int64)], [np.zeros(0, SIGHT)]
    for start, sights in log.chunks():
        here = (
            np.flatnonzero(sights["key"] % np.uint64(parts) == part) if parts > 1 else np.arange(len(sights))
        )
        numbers.append(here + start)
        found.append(sights[here])
    return np.concatenate(numbers), np.concatenate(found)


def _alike(keys: NDArray[np.uint64], checks: NDArray[np.uint32]) -> bool:
    """Whether two posts share the 64 bits of a key."""
    return bool(((keys[1:] == keys[:-1]) & (checks[1:] != checks[:-1])).any())


def post_keys(sights: bytes) -> list[int]:
    """64 bits for each post of an encoded batch, to count posts that come twice."""
    keys: list[int] = np.frombuffer(sights, SIGHT)["key"].tolist()
    return keys
