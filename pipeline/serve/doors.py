"""What stands before every answer: the host's name, who asks, from where, and the headers of the answer.

Another site that a browser has open can send requests to this machine.  It cannot read the answers, and here
is why it cannot act either: a request must name us as its host (against DNS rebinding), an action must come
from our own page by what the browser itself says (`Origin`, `Sec-Fetch-Site`), and must carry the proof of
the session, which only our own page can read.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serve.keys import Keys

BODY_LIMIT: Final = 16_384  # bytes
PROOF: Final = "x-marsad-proof"
WITHOUT_TOKEN: Final = frozenset({"/login", "/page.css", "/icon.svg"})
READING: Final = frozenset({"GET", "HEAD"})

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Doors:
    """An ASGI application around another: asks first, passes on what may pass."""

    def __init__(self, app: ASGIApp, keys: Keys, names: frozenset[str], *, any_address: bool = False) -> None:
        self._app = app
        self._keys = keys
        self._names = names
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        fresh: str | None = None

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if fresh is not None:
                    headers.append("Set-Cookie", session_cookie(cookie_name(request), fresh))
            await send(message)

        refusal = self._wrong_host(request) or self._too_large(request)
        if refusal is None:
            session = self._keys.session(request.cookies.get(cookie_name(request)))
            if session is None and self._keys.is_open and request.method in READING:
                session = self._keys.admit()
                fresh = session.name
            has_token = self._has_token(request)
            scope["marsad.session"] = session
            if session is None and not has_token and request.url.path not in WITHOUT_TOKEN:
                if "authorization" in request.headers:
                    await asyncio.sleep(0.5)
                refusal = self._unknown(request)
            elif request.method not in READING and not has_token:
                proof = None if session is None else session.proof
                refusal = _foreign(request) or _unproven(request, proof)
        await (refusal or self._app)(scope, receive, guarded)

    def _wrong_host(self, request: Request) -> Response | None:
        name = host_name(request.headers.get("host", ""))
        if name in self._names or (self._any_address and _is_address(name)):
            return None
        told = f"this server is not called {name!r}; marsad serve --name NAME lets it be"
        return refused(421, told)

    def _too_large(self, request: Request) -> Response | None:
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT or "transfer-encoding" in request.headers:
            return refused(413, f"at most {BODY_LIMIT:,} bytes, with their length told")
        return None

    def _has_token(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._keys.fits(token.strip())

    def _unknown(self, request: Request) -> Response:
        if request.url.path == "/" and request.method in READING:
            return RedirectResponse("/login", status_code=303)
        answer = refused(401, "the token is needed: open /login, or send it as Authorization: Bearer TOKEN")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def refused(status: int, told: str) -> JSONResponse:
    """An answer that says why not."""
    return JSONResponse({"error": told}, status_code=status)


def host_name(header: str) -> str:
    """The host of a Host header, without its port; empty for what is no host.

    >>> host_name("LOCALHOST:8017"), host_name("[::1]:8017"), host_name("a b")
    ('localhost', '::1', '')
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::\d{1,5})?", header, re.ASCII)
    return (found[1] or found[2]).lower() if found else ""


def cookie_name(request: Request) -> str:
    """The name of the session's cookie; browsers share cookies among the ports of a host."""
    port = re.search(r":(\d{1,5})\Z", request.headers.get("host", ""), re.ASCII)
    return f"marsad_{port[1] if port else 0}"


def session_cookie(name: str, value: str, *, secure: bool = False) -> str:
    """The header that gives a browser its session; an empty value takes it away."""
    life = "" if value else "; Max-Age=0"
    return f"{name}={value}; HttpOnly; SameSite=Strict; Path=/{'; Secure' if secure else ''}{life}"


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _foreign(request: Request) -> Response | None:
    """Refuses what a browser says was sent by another site, and what does not say by whom."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return refused(403, "an action must come from this page, or carry the token as Authorization: Bearer")
    own = origin is None or _is_own(origin, request.headers.get("host", ""))
    if not own or site not in (None, "same-origin"):
        return refused(403, "an action must come from this page, not from another site")
    return None


def _is_own(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _unproven(request: Request, proof: str | None) -> Response | None:
    if request.url.path == "/login":  # there is no session yet; the token itself is the proof
        return None
    given = request.headers.get(PROOF, "")
    if proof is None or not hmac.compare_digest(proof.encode(), given.encode()):
        return refused(403, "this page is older than the server: reload it, and try again")
    return None
