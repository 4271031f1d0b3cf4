"""The addresses of the page: what is read is GET, what acts is POST, and there is nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.errors import ConfigError, MarsadError
from pipeline.jobs.health import health
from pipeline.jobs.history import history
from pipeline.jobs.metrics import metrics
from pipeline.jobs.pause import WHY_LIMIT, pause, resume
from pipeline.jobs.status import status
from pipeline.records import Reason
from pipeline.serve import views
from pipeline.serve.doors import Doors, cookie_name, refused, session_cookie
from pipeline.serve.keys import Keys
from pipeline.serve.report import FRAMED, Report
from pipeline.serve.runs import BusyError, Runs, Wish

KINDS: Final = {
    "page.html": "text/html; charset=utf-8",
    "login.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "tables.js": "text/javascript; charset=utf-8",
    "dom.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
MOST_ROWS: Final = 500  # of a table at once
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]


class _Rerun(Struct, forbid_unknown_fields=True):
    """What comes with a run or a rerun."""

    since: date | None = None
    until: date | None = None
    force: bool = False


class _Replay(Struct, forbid_unknown_fields=True):
    reason: Reason | None = None


class _Pause(Struct, forbid_unknown_fields=True):
    why: str = ""


class Desk:
    """The answers, and what they share."""

    def __init__(self, configuration: views.Configuration, runs: Runs, keys: Keys, report: Report) -> None:
        self.configuration = configuration
        self.runs = runs
        self.keys = keys
        self.report = report
        self.memory = views.Memory()

    # What is read

    async def page(self, _request: Request) -> Response:
        return _file("page.html")

    async def asset(self, request: Request) -> Response:
        return _file(request.url.path.removeprefix("/"))

    async def state(self, request: Request) -> Response:
        told = await run_in_threadpool(views.state, self.configuration, self.runs.last(), self.memory)
        session = request.scope["marsad.session"]
        facts = {
            "proof": session.proof if session else None,
            "open": self.keys.is_open,
            **msgspec.structs.asdict(told),
        }
        return _json(facts)

    async def history(self, request: Request) -> Response:
        query = request.query_params
        source = self._known(query.get("source"))
        most = _number(query.get("most"), "most", 100, MOST_ROWS)
        wants_unchanged = query.get("unchanged", "1") == "1"
        dataset = self.configuration().dataset
        return _json(await run_in_threadpool(history, dataset, source, most, unchanged=wants_unchanged))

    async def rejected(self, request: Request) -> Response:
        query = request.query_params
        source = self._known(query.get("source"))
        reason = query.get("reason") or None
        if reason is not None and reason not in set(Reason):
            raise ConfigError(f"{reason!r} is not a reason; allowed: {', '.join(Reason)}")
        start = _number(query.get("start"), "start", 0, 10**9)
        most = _number(query.get("most"), "most", 50, MOST_ROWS)
        config = self.configuration()
        return _json(await run_in_threadpool(views.rejected, config, source, reason, start, most))

    async def signs(self, _request: Request) -> Response:
        return _json(await run_in_threadpool(health, self.configuration()))

    async def health(self, _request: Request) -> Response:
        """For watchdogs: 200 while nothing is bad, else 503."""
        found = await run_in_threadpool(health, self.configuration())
        return _json(found, 503 if found.exit_code else 200)

    async def metrics(self, _request: Request) -> Response:
        told = await run_in_threadpool(status, self.configuration())
        return Response(metrics(told), headers={"Content-Type": OPENMETRICS})

    async def make_report(self, _request: Request) -> Response:
        """Answers when the report is there: a frame alone could not tell why it is not."""
        made = await self.report.current(self.configuration())
        return _json({"version": made.version, "at": made.at})

    async def show_report(self, _request: Request) -> Response:
        made = await self.report.current(self.configuration())
        headers = {**FRAMED, "Content-Security-Policy": made.policy}
        return Response(made.html, media_type="text/html; charset=utf-8", headers=headers)

    # What acts

    async def run(self, request: Request) -> Response:
        name = self._configured(request)
        asked = await _body(request, _Rerun)
        return self._ask(Wish(kind="run", source=name, force=asked.force))

    async def rerun(self, request: Request) -> Response:
        name = self._configured(request)
        asked = await _body(request, _Rerun)
        if asked.since is not None and asked.until is not None and asked.since > asked.until:
            raise ConfigError(f"--since {asked.since} is later than --until {asked.until}")
        wish = Wish(kind="rerun", source=name, since=asked.since, until=asked.until, force=asked.force)
        return self._ask(wish)

    async def replay(self, request: Request) -> Response:
        name = self._configured(request)
        asked = await _body(request, _Replay)
        return self._ask(Wish(kind="replay", source=name, reason=asked.reason))

    async def stop(self, request: Request) -> Response:
        name = self._configured(request)
        stopped = self.runs.stop(name)
        if stopped is None:
            return refused(409, f"{name}: no run of this page is waiting or under way")
        return _json(stopped)

    async def pause(self, request: Request) -> Response:
        name = self._configured(request)
        asked = await _body(request, _Pause)
        if len(asked.why) > WHY_LIMIT:
            raise ConfigError(f"the reason has {len(asked.why)} characters; at most {WHY_LIMIT}")
        dataset, who = self.configuration().dataset, "the page"
        return _json(await run_in_threadpool(pause, dataset, name, by=who, why=" ".join(asked.why.split())))

    async def resume(self, request: Request) -> Response:
        name = self._configured(request)
        await run_in_threadpool(resume, self.configuration().dataset, name)
        return _json({})

    # Coming in and going out

    async def show_login(self, _request: Request) -> Response:
        return RedirectResponse("/", status_code=303) if self.keys.is_open else _login("")

    async def login(self, request: Request) -> Response:
        given = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=5)
        if not self.keys.fits(given.get("token", [""])[0].strip()):
            await asyncio.sleep(0.5)
            return _login("This is not the token.", 401)
        answer = RedirectResponse("/", status_code=303)
        is_secure = urlsplit(request.headers.get("origin", "")).scheme == "https"
        answer.headers["Set-Cookie"] = session_cookie(
            cookie_name(request), self.keys.admit().name, secure=is_secure
        )
        return answer

    async def logout(self, request: Request) -> Response:
        session = request.scope["marsad.session"]
        if session is not None:
            self.keys.dismiss(session)
        answer = _json({})
        answer.headers["Set-Cookie"] = session_cookie(cookie_name(request), "")
        return answer

    def _ask(self, wish: Wish) -> Response:
        try:
            return _json(self.runs.ask(wish), 202)
        except BusyError as busy:
            return refused(409, str(busy))

    def _configured(self, request: Request) -> str:
        """The source of an action; raises 404 for a name that is not in the configuration."""
        try:
            return self.configuration().select([request.path_params["name"]])[0].name
        except ConfigError as unknown:
            raise HTTPException(404, str(unknown)) from None

    def _known(self, name: str | None) -> str | None:
        """The source of a question: of the configuration or, where it was taken out of it, of the dataset."""
        if not name:
            return None
        names = [one.source for one in status(self.configuration()).sources]
        if name not in names:
            raise HTTPException(404, f"no source {name!r}; the sources are: {', '.join(names)}")
        return name


def application(desk: Desk, names: frozenset[str], *, any_address: bool = False) -> ASGIApp:
    """The whole server as an ASGI application; `names` are the hosts that it answers for."""
    actions = ("run", "rerun", "replay", "stop", "pause", "resume")
    routes = [
        _get("/", desk.page),
        *(_get(f"/{name}", desk.asset) for name in KINDS if not name.endswith(".html")),
        _get("/api/state", desk.state),
        _get("/api/history", desk.history),
        _get("/api/rejected", desk.rejected),
        _get("/api/health", desk.signs),
        _get("/health", desk.health),
        _get("/metrics", desk.metrics),
        _get("/api/report", desk.make_report),
        _get("/report", desk.show_report),
        *(_post(f"/api/sources/{{name}}/{action}", getattr(desk, action)) for action in actions),
        _get("/login", desk.show_login),
        _post("/login", desk.login),
        _post("/logout", desk.logout),
    ]
    app = Starlette(routes=routes, exception_handlers={MarsadError: _told, HTTPException: _http_told})
    app.router.redirect_slashes = False
    return Doors(app, desk.keys, names, any_address=any_address)


def _get(path: str, answer: Answer) -> Route:
    return Route(path, answer, methods=["GET"])


def _post(path: str, answer: Answer) -> Route:
    return Route(path, answer, methods=["POST"])


async def _told(_request: Request, error: Exception) -> Response:
    return refused(400 if isinstance(error, ConfigError) else 500, str(error))


async def _http_told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = {404: "there is nothing at this address", 405: "an action is a POST, a question is a GET"}
    standard = error.detail in ("Not Found", "Method Not Allowed")
    answer = refused(error.status_code, told[error.status_code] if standard else error.detail)
    answer.headers.update(error.headers or {})
    return answer


async def _body(request: Request, kind: type[T]) -> T:
    """The body of an action; raises `ConfigError` that names what is wrong with it."""
    raw = await request.body()
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.DecodeError as wrong:
        raise ConfigError(f"the request cannot be read: {wrong}") from None


def _number(given: str | None, what: str, usual: int, most: int) -> int:
    if not given:
        return usual
    if not (given.isascii() and given.isdecimal() and len(given) <= 10 and int(given) <= most):
        raise ConfigError(f"{what}={given[:20]!r}: a whole number from 0 to {most:,}")
    return int(given)


def _json(data: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(data, enc_hook=str), status, media_type="application/json")


def _login(told: str, status: int = 200) -> Response:
    """The form that asks for the token.  It must say where it is from, which `no-referrer` would forbid."""
    html = _asset("login.html").decode().replace("<!-- told -->", told)
    headers = {"Referrer-Policy": "same-origin"}
    return Response(html, status, media_type=KINDS["login.html"], headers=headers)


def _file(name: str) -> Response:
    return Response(_asset(name), headers={"Content-Type": KINDS[name]})


@cache
def _asset(name: str) -> bytes:
    assert name in KINDS
    return files("pipeline.serve").joinpath("page", name).read_bytes()
