"""What stands between the readers and the rest: who is kept out, and how those who come in are protected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.config import Source
from pipeline.jobs.books import Tally
from pipeline.jobs.masking import mask_posts, mask_rows
from pipeline.jobs.people import Key, protect
from pipeline.jobs.retention import cutoff
from pipeline.jobs.suppression import Suppression
from pipeline.readers import READERS, Item
from pipeline.records import NonPost, Post, Rejection


class Gate:
    """The gate of one source in one run."""

    def __init__(
        self, source: Source, key: Key | None, suppression: Suppression | None, now: datetime
    ) -> None:
        self.source = source
        self.key = key
        self._suppression = suppression
        self._before = cutoff(source.retention.posts, now)

    @property
    def marks(self) -> tuple[str, ...]:
        """What of the gate decides the rows, beside the source's settings; empty for an open one."""
        told = (self._suppression.digest if self._suppression else None, self._before and str(self._before))
        return tuple(one for one in told if one)

    def admits(self, item: Item, tally: Tally) -> bool:
        """Whether a row comes in; else the tally counts why not."""
        if isinstance(item, NonPost):
            return True
        if isinstance(item, Rejection):
            if self._suppression is None or not self._suppression.holds_row(item, self._platforms(item)):
                return True
            tally.forgotten += 1
            return False
        if self._suppression is not None and self._suppression.holds(item):
            tally.forgotten += 1
            return False
        if self._before is not None and self._is_old(item, self._before):
            tally.expired += 1
            return False
        return True

    def protected(self, posts: Sequence[Post]) -> list[Post]:
        """The posts as they may be stored."""
        hidden = [protect(post, self.source.authors, self.key) for post in posts]
        return mask_posts(hidden, self.source.mask) if self.source.mask else hidden

    def refused(self, rejections: Sequence[Rejection]) -> Sequence[Rejection]:
        """The rows for the quarantine, masked; names of authors stay in them."""
        return mask_rows(rejections, self.source.mask) if self.source.mask else rejections

    def _is_old(self, post: Post, before: datetime) -> bool:
        at = post.posted_at
        if at is None and post.posted_local is not None:
            at = post.posted_local.replace(tzinfo=UTC)
        return at is not None and at < before

    def _platforms(self, rejection: Rejection) -> tuple[str, ...]:
        found = [self.source.platform]
        found += [READERS[name].platform for name in rejection.origin.reader.split("+") if name in READERS]
        return tuple(dict.fromkeys(one for one in found if one))
