"""Protection of the people who wrote the posts: pseudonyms under a key that is not in the dataset.

A pseudonym is HMAC-SHA-256 (RFC 2104) over platform and author, so that the same author is the same key
in every source of one platform, and nobody without the key can find out by trying names.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pipeline.data import rows
from pipeline.errors import ConfigError
from pipeline.records import Post

Authors = Literal["keep", "pseudonym", "drop"]


class Key(Struct, frozen=True):
    """The secret of the pseudonyms.  `key_id` may be told to anybody; it says which key was used."""

    secret: bytes  # 32 bytes

    @property
    def key_id(self) -> str:
        return hashlib.sha256(b"marsad key id\0" + self.secret).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"Key({self.key_id})"


def open_key(path: Path) -> Key:
    """The key in `path`; made there, readable for its owner only, where there is none yet.

    Raises `ConfigError` where the file is no key, or others may read it.
    """
    if not path.exists():
        _make_key(path)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"the key {path} can be read by others; change that with: chmod 600 {path}")
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as refused:
        raise ConfigError(f"the key {path} cannot be read: {refused.strerror}") from None
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise ConfigError(
            f"{path} holds no key (64 hexadecimal digits); put the right file there, see MARSAD_KEY_FILE"
        )
    return Key(secret)


def protect(post: Post, authors: Authors, key: Key | None) -> Post:
    """The post with its author as the source wants it; `key` is needed unless authors are kept.

    Unless authors are kept, fields of `extra` that name a person go too, at any depth, and the name of a
    chat between two people.  `forwarded_from` stays where the export tells that it is a channel; else it may
    be a person, and becomes a pseudonym, or "" where authors are dropped.  A content hash in an id is keyed:
    it is made of author, minute and text, and whoever holds the last two could find the first by trying
    every phone number.  The text is never changed.

    >>> from pipeline.records import Origin
    >>> origin = Origin("june.csv", "", "line 1", "table")
    >>> post = Post(post_id="x:g:1", source="s", platform="x", group_id="g", author_id="7", origin=origin)
    >>> hidden = protect(post, "pseudonym", Key(bytes(32)))
    >>> hidden.author_id, hidden.author_name
    ('1d7314b4f62e02fae7b3c3f62f9636b5', None)
    """
    if authors == "keep":
        return post
    name = None
    if authors == "pseudonym":
        assert key is not None, "pseudonyms need a key"
        name = pseudonym(key, post.platform, post.author_id, post.author_name)
    extra = _impersonal(post.extra, (post.author_id, post.author_name)) if post.extra else post.extra
    forwarded = post.forwarded_from
    if forwarded and not _is_channel(post):
        forwarded = "" if key is None or authors == "drop" else pseudonym(key, post.platform, None, forwarded)
    between_two = post.extra.get("chat_type") == "personal_chat"  # named after the other one
    return replace(
        post,
        post_id=keyed(key, post.post_id),
        reply_to=keyed(key, post.reply_to) if post.reply_to else post.reply_to,
        author_id=name,
        author_name=None,
        forwarded_from=forwarded,
        group_name=None if between_two else post.group_name,
        extra=extra,
    )


_HASH: Final = re.compile(r"\bh:([0-9a-f]{16})(?=#\d+$)")  # as readers.identity writes it


def keyed(key: Key | None, post_id: str) -> str:
    """The id with its content hash, if it has one, under the key; equal ids stay equal."""
    found = _HASH.search(post_id)
    if found is None:
        return post_id
    assert key is not None, "content hashes need a key"
    digest = hmac.digest(key.secret, b"id\0" + found[1].encode(), "sha256")[:8].hex()
    return f"{post_id[: found.start(1)]}{digest}{post_id[found.end(1) :]}"


def _is_channel(post: Post) -> bool:
    """Whether what was forwarded is known to be from no person: by its id, or as this group's own."""
    known = post.extra.get("forwarded_from_id")
    if isinstance(known, str) and known.startswith(("channel", "chat")):
        return True
    return known is None and post.forwarded_from == post.group_name


def _impersonal(extra: dict[str, Any], author: tuple[str | None, str | None]) -> dict[str, Any]:
    """What else the export holds of a post, without the fields that name a person."""
    kept: dict[str, Any] = {}
    for name, value in extra.items():
        if _field(name) in _personal():
            continue
        if isinstance(value, dict):
            kept[name] = _impersonal(value, author)
        elif isinstance(value, list):
            rest = [_impersonal(one, author) if isinstance(one, dict) else one for one in value]
            kept[name] = [one for one in rest if not (isinstance(one, str) and one in author)]
        elif not (isinstance(value, str) and value in author):
            kept[name] = value
    return kept


@cache
def _personal() -> frozenset[str]:
    return frozenset(_field(row["field"]) for row in rows("personal_fields"))


@lru_cache(maxsize=1 << 12)
def _field(name: str) -> str:
    """The name of a field, however it is written.

    >>> _field("First Name") == _field("first_name") == _field("firstName")
    True
    """
    return "".join(char for char in name.casefold() if char.isalnum())


@lru_cache(maxsize=1 << 16)
def pseudonym(key: Key, platform: str, author_id: str | None, author_name: str | None) -> str | None:
    """32 hexadecimal digits; None where the export names no author."""
    if author_id is None and author_name is None:
        return None
    named = f"id\0{author_id}" if author_id is not None else f"name\0{author_name}"
    return hmac.digest(key.secret, f"{platform}\0{named}".encode(), "sha256")[:16].hex()


def fresh_secret() -> str:
    """What the file of a new key holds."""
    return secrets.token_hex(32) + "\n"


def _make_key(path: Path) -> None:
    """Write a new key in one step, so that two processes cannot make two."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(fresh_secret())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was faster; its key is the key
        finally:
            draft.unlink()
    except OSError as refused:
        raise ConfigError(
            f"the key {path} cannot be written: {refused.strerror}; see MARSAD_KEY_FILE"
        ) from None
