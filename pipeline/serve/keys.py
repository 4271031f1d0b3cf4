"""Who may come in: the token, and the sessions of those who have shown it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.errors import ConfigError

LEAST_TOKEN: Final = 20  # characters; ours have 43
LIFE: Final = 12 * 3600.0  # seconds that a session lives unused
MOST_SESSIONS: Final = 256  # the oldest goes first


class Session(Struct):
    """One browser that may come in."""

    name: str  # the cookie's value
    proof: str  # what its page sends along with every action; no other site can read it
    ends: float  # on the monotonic clock


class Keys:
    """Knows the token, where one is demanded, and the open sessions."""

    def __init__(self, token: str | None) -> None:
        self._digest = None if token is None else _digest(token)
        self._sessions: dict[str, Session] = {}

    @property
    def is_open(self) -> bool:
        """Whether anybody on this machine may come in without a token."""
        return self._digest is None

    def fits(self, given: str) -> bool:
        """Whether this is the token; takes as long for one that is nearly right."""
        return self._digest is not None and hmac.compare_digest(self._digest, _digest(given))

    def admit(self) -> Session:
        """A new session."""
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), time.monotonic() + LIFE)
        self._sessions[session.name] = session
        return session

    def session(self, name: str | None) -> Session | None:
        """The session of a cookie; None for none, an ended or an invented one."""
        session = self._sessions.get(name or "")
        if session is None or session.ends < time.monotonic():
            return None
        session.ends = time.monotonic() + LIFE
        return session

    def dismiss(self, session: Session) -> None:
        """End a session."""
        self._sessions.pop(session.name, None)


def open_token(path: Path) -> str:
    """The token in a file that only its owner may read; made where there is no such file.

    Raises `ConfigError` for a file that others can read and for a token that could be guessed.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as refused:
        raise ConfigError(f"token file {path} cannot be read: {refused.strerror}") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(made, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:  # another process was quicker
        pass
    except OSError as refused:
        raise ConfigError(f"token file {path} cannot be written: {refused.strerror}") from None
    return _read(path)


def checked(token: str, where: str) -> str:
    """The token; `ConfigError` where it is so short that it could be guessed."""
    if len(token) < LEAST_TOKEN:
        raise ConfigError(
            f"{where}: the token has {len(token)} characters, at least {LEAST_TOKEN} are needed; "
            "take the file away and a good one is made"
        )
    return token


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise ConfigError(f"token file {path} can be read by others; chmod 600 {path}")
        return checked(file.read(4096).strip(), f"token file {path}")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
