"""`marsad serve`: binds, says where, stays until a signal."""

# ruff: noqa: PLC0415  starlette and uvicorn are optional: who lacks them gets a message
from __future__ import annotations

import importlib.util
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from pipeline.config import config_folder, serve_token
from pipeline.errors import ConfigError, Stopped
from pipeline.serve.keys import Keys, checked, open_token
from pipeline.serve.runs import MARSAD, Runs

PATIENCE: Final = 12.0  # seconds for a scheduler to end its run

_log = logging.getLogger(__name__)


def serve(
    config: Path,
    host: str = "127.0.0.1",
    port: int = 8017,
    *,
    token_file: Path | None = None,
    names: Sequence[str] = (),
    with_schedule: bool = False,
    say: Callable[[str], object] = print,
) -> int:
    """Serve the operators' page of a configuration until SIGTERM or SIGINT; returns the exit code.

    `port` 0 takes a free one; the address is said.  On another address than this machine's own, or where
    `token_file` or `MARSAD_SERVE_TOKEN` is given, whoever comes must show the token.  `names` are further
    hosts that the server answers for, such as that of a proxy.  With `with_schedule`, `marsad schedule` runs
    beside it and ends with it.

    Raises `ConfigError` for a configuration, address or token that cannot be used, and where the packages of
    `marsad[serve]` are not installed.
    """
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} not installed; pip install 'marsad[serve]'")
    import uvicorn

    from pipeline.serve.report import Report
    from pipeline.serve.routes import Desk, application
    from pipeline.serve.views import Configuration

    configuration = Configuration(config)
    token, told = _token(host, token_file)
    listening = _bind(host, port)
    own, number = listening.getsockname()[:2]
    runs = Runs(configuration.path)
    desk = Desk(configuration, runs, Keys(token), Report())
    is_any = ip_address(own).is_unspecified
    app = application(desk, _names(host, own, names), any_address=is_any)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=100,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=3,
        )
    )
    beside = _schedule(configuration.path) if with_schedule else None
    shown = "localhost" if is_any else own
    say(f"http://{f'[{shown}]' if ':' in shown else shown}:{number}/")
    if told:
        say(told)
    try:
        with suppress(Stopped):
            server.run(sockets=[listening])
    finally:
        goes_on = runs.close()
        if beside is not None:
            _end(beside)
        if goes_on is not None:
            say(f"{goes_on.command} goes on (process {goes_on.pid}); marsad status tells its end")
    return 0


def is_own_machine(host: str) -> bool:
    """Whether an address can be reached from this machine only.

    >>> is_own_machine("127.0.0.1"), is_own_machine("localhost"), is_own_machine("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _token(host: str, path: Path | None) -> tuple[str | None, str]:
    """The token that is demanded, None for none; and where it is, for people."""
    given = serve_token()
    if path is not None:
        return open_token(path), f"the token is in {path}"
    if given is not None:
        return checked(given, "MARSAD_SERVE_TOKEN"), "the token is that of MARSAD_SERVE_TOKEN"
    if is_own_machine(host):
        return None, ""
    path = config_folder() / "serve.token"
    return open_token(path), f"the token is in {path}"


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except (OSError, OverflowError) as refused:
        reason: object = refused
        if isinstance(refused, OSError) and not isinstance(refused, socket.gaierror):
            reason = os.strerror(refused.errno or 0)
        raise ConfigError(f"cannot listen on {host} port {port}: {reason}; choose another --port") from None


def _names(host: str, own: str, names: Sequence[str]) -> frozenset[str]:
    """The hosts that requests may name: under any other name, another site has sent the browser here."""
    known = {host, own, *names}
    if is_own_machine(host) or ip_address(own).is_unspecified:
        known |= {"localhost", "127.0.0.1", "::1"}
    if not is_own_machine(host):
        known |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower() for name in known)


def _schedule(config: Path) -> subprocess.Popen[bytes]:
    """`marsad schedule`, its messages on ours; the page shows whether it is there."""
    words = [*MARSAD, "schedule", "--config", str(config)]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
