"""Protection of the people who wrote the posts: pseudonyms under a key that is not in the dataset.

A pseudonym is HMAC-SHA-256 (RFC 2104) over platform and author, so that the same author is the same key
in every source of one platform, and nobody without the key can find out by trying names.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import ConfigError
from pipeline.records import Post

Authors = Literal["keep", "pseudonym", "drop"]


_PERSONAL = frozenset(
    {
        *("from", "from_id", "author", "signature", "actor", "actor_id", "inviter", "members", "saved_from"),
        *("forwarded_from_id", "contact_information", "contact_vcard"),  # up to here: Telegram Desktop
        *("user", "user_id", "username", "screen_name", "author_id", "author_name"),
        *("phone", "phone_number", "email"),
    }
)


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
    """The post with its author as the source wants it; `key` is needed for pseudonyms only.

    Unless authors are kept, fields of `extra` that name a person go too.  The text is never changed, and
    neither is `forwarded_from`, which names a channel as often as a person.

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
        name = _pseudonym(key, post.platform, post.author_id, post.author_name)
    extra = _impersonal(post.extra, (post.author_id, post.author_name)) if post.extra else post.extra
    return replace(post, author_id=name, author_name=None, extra=extra)


def _impersonal(extra: dict[str, Any], author: tuple[str | None, str | None]) -> dict[str, Any]:
    """What else the export holds of a post, without the fields that name a person."""
    return {
        name: value
        for name, value in extra.items()
        if name.lower() not in _PERSONAL and not (isinstance(value, str) and value in author)
    }


@lru_cache(maxsize=1 << 16)
def _pseudonym(key: Key, platform: str, author_id: str | None, author_name: str | None) -> str | None:
    """32 hexadecimal digits; None where the export names no author."""
    if author_id is None and author_name is None:
        return None
    named = f"id\0{author_id}" if author_id is not None else f"name\0{author_name}"
    return hmac.digest(key.secret, f"{platform}\0{named}".encode(), "sha256")[:16].hex()


def _make_key(path: Path) -> None:
    """Write a new key in one step, so that two processes cannot make two."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
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
