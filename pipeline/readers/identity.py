"""Ids for posts of platforms that give none: a hash of the content and which occurrence of it this is."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime


class Occurrences:
    """Content ids in file order: equal posts of one file are counted, so that a later, overlapping export
    of the same group meets the same ids.

    >>> ids = Occurrences()
    >>> noon = datetime(2024, 1, 2, 12, 0, 59)
    >>> first, second = ids.next("A", noon, "ok"), ids.next("A", noon.replace(second=0), "ok")
    >>> first[-2:], second[-2:], first[:-2] == second[:-2]
    ('#1', '#2', True)
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._again: dict[int, int] = {}

    def next(self, author: str | None, local: datetime | None, text: str) -> str:
        """`h:`, 16 hex digits of SHA-256 over author, local minute and NFC text, `#` and the occurrence."""
        minute = "" if local is None else local.isoformat(timespec="minutes")
        parts = (author or "", minute, unicodedata.normalize("NFC", text))
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()[:8]
        key = int.from_bytes(digest, "big")
        if key not in self._seen:
            self._seen.add(key)
            return f"h:{digest.hex()}#1"
        count = self._again.get(key, 1) + 1
        self._again[key] = count
        return f"h:{digest.hex()}#{count}"
