"""The doors of `marsad serve`: who may come in, from where, and what is answered; over real connections."""

# ruff: noqa: F811  a fixture is imported by its name, and asked for by it
from __future__ import annotations

import json
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import House, Server, house  # noqa: F401

from pipeline.errors import ConfigError
from pipeline.jobs.status import is_alive
from pipeline.serve.doors import POLICY, host_name
from pipeline.serve.keys import LEAST_TOKEN, Keys, checked, open_token
from pipeline.serve.runs import BusyError, Runs, Wish

TOKEN = "a-token-that-is-long-enough"
READ = ["/", "/page.js", "/page.css", "/icon.svg", "/api/state", "/api/history", "/api/rejected", "/api/health", "/metrics"]  # fmt: skip
ACT = [f"/api/sources/a/{word}" for word in ("run", "rerun", "replay", "stop", "pause", "resume")]


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    with house.serving() as server:
        yield server


@pytest.mark.parametrize("path", READ)
def test_every_answer_carries_its_policy(server: Server, path: str) -> None:
    status, headers, text = server.ask("GET", path)
    assert status == 200
    assert text
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'; script-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_pages_hold_no_script_of_their_own(server: Server) -> None:
    _, _, text = server.ask("GET", "/")
    assert "<script>" not in text
    assert "style=" not in text
    assert " on" not in text.replace(" only", "").replace(" once", "").replace(" on ", "").replace(" one", "")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "a b", "", "10.0.0.1"]
)
def test_under_another_name_nothing_is_answered(server: Server, host: str) -> None:
    for path in ("/", "/api/state", "/metrics"):
        status, _, text = server.ask("GET", path, {"Host": host})
        assert status in (400, 421)
        assert "proof" not in text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9000", "[::1]:8017"])
def test_through_a_tunnel_the_port_may_be_another(server: Server, host: str) -> None:
    assert server.ask("GET", "/", {"Host": host})[0] == 200


@pytest.mark.parametrize("path", ACT)
def test_no_question_acts(server: Server, path: str) -> None:
    headers = server.enter()
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        assert server.ask(method, path, headers)[0] == 405
    assert server.json("/api/state")["sources"][0]["asked"] is None


@pytest.mark.parametrize("path", READ)
def test_no_action_reads(server: Server, path: str) -> None:
    assert server.ask("POST", path, server.enter(), "{}")[0] == 405


FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "another port of this machine": {"Origin": "http://127.0.0.1:1"},
    "a file or a sandbox": {"Origin": "null"},
    "no origin told": {"Origin": ""},
    "what the browser says": {"Sec-Fetch-Site": "cross-site"},
    "another name of the same site": {"Sec-Fetch-Site": "same-site"},
    "an origin that is no address": {"Origin": "http://[::1"},
    "a wrong proof": {"X-Marsad-Proof": "x" * 43},
    "no proof": {"X-Marsad-Proof": ""},
    "another session": {"Cookie": "marsad_1=invented"},
    "no session": {"Cookie": ""},
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_another_site_cannot_act(server: Server, house: House, foreign: dict[str, str]) -> None:
    status, _, told = server.ask("POST", "/api/sources/a/pause", {**server.enter(), **foreign}, "{}")
    assert status in (401, 403), told
    assert not (house.dataset / "paused" / "a.json").exists()


def test_an_action_without_a_word_of_its_origin_is_refused(server: Server) -> None:
    headers = {key: value for key, value in server.enter().items() if key != "Origin"}
    assert server.ask("POST", "/api/sources/a/pause", headers, "{}")[0] == 403


def test_the_proof_of_one_session_is_none_of_another(server: Server) -> None:
    mixed = {**server.enter(), "Cookie": server.enter()["Cookie"]}
    assert server.ask("POST", "/api/sources/a/pause", mixed, "{}")[0] == 403


def test_pause_and_resume(server: Server, house: House) -> None:
    headers = server.enter()
    status, _, text = server.ask("POST", "/api/sources/a/pause", headers, '{"why": "نسخة\\n جديدة"}')
    assert status == 200, text
    a = server.json("/api/state")["sources"][0]["now"]
    assert (a["paused"]["why"], a["paused"]["by"], a["next_run"]) == ("نسخة جديدة", "the page", None)
    assert "paused since" in house.call("status").stderr
    assert 'marsad_paused{source="a"} 1' in server.ask("GET", "/metrics")[2]
    assert server.ask("POST", "/api/sources/a/resume", headers, "{}")[0] == 200
    assert server.json("/api/state")["sources"][0]["now"]["paused"] is None


WRONG = {
    "/api/sources/d/run": (404, "no source 'd'"),
    "/api/sources/..%2f..%2fetc%2fpasswd/run": (404, "nothing at this address"),
    "/api/sources/A/run": (404, "did you mean 'a'?"),
    "/api/sources/--help/run": (404, "no source '--help'"),
    "/api/sources/a/forget": (404, "nothing at this address"),
}


@pytest.mark.parametrize(("path", "told"), WRONG.items(), ids=WRONG)
def test_only_sources_of_the_configuration_are_acted_on(
    server: Server, path: str, told: tuple[int, str]
) -> None:
    status, _, text = server.ask("POST", path, server.enter(), "{}")
    assert (status, told[1] in json.loads(text)["error"]) == (told[0], True), text


BODIES = {
    "no JSON": "{",
    "a list": "[]",
    "an unknown key": '{"command": "rm"}',
    "a day that is none": '{"since": "2016-02-31"}',
    "words for a day": '{"since": "--force"}',
    "a word for yes": '{"force": "yes"}',
    "days turned round": '{"since": "2016-02-02", "until": "2016-02-01"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_wish_that_cannot_be_read_starts_nothing(server: Server, body: str) -> None:
    status, _, text = server.ask("POST", "/api/sources/a/rerun", server.enter(), body)
    assert status == 400
    assert json.loads(text)["error"]
    assert server.json("/api/state")["sources"][0]["asked"] is None


@pytest.mark.parametrize("body", ['{"reason": "--all"}', '{"reason": "unknown"}'])
def test_a_reason_that_is_none_replays_nothing(server: Server, body: str) -> None:
    assert server.ask("POST", "/api/sources/a/replay", server.enter(), body)[0] == 400


def test_a_long_body_is_refused_unread(server: Server) -> None:
    headers = {**server.enter(), "Content-Length": "20000"}
    assert server.ask("POST", "/api/sources/a/pause", headers, "{" + " " * 19_998 + "}")[0] == 413
    headers = {**server.enter(), "Transfer-Encoding": "chunked"}
    assert server.ask("POST", "/api/sources/a/pause", headers, None)[0] == 413
    assert (
        server.ask("POST", "/api/sources/a/pause", server.enter(), json.dumps({"why": "x" * 301}))[0] == 400
    )


QUESTIONS = {
    "/api/history?most=501": 400,
    "/api/history?most=-1": 400,
    "/api/history?most=1e3": 400,
    "/api/history?most=٣": 400,
    "/api/history?source=../b": 404,
    "/api/rejected?reason=x": 400,
    "/api/rejected?start=99999999999": 400,
    "/api/rejected?source=d": 404,
    "/page.html": 404,
    "/login.html": 404,
    "/keys.py": 404,
    "/..%2fkeys.py": 404,
    "/%2e%2e/%2e%2e/config.yaml": 404,
    "//etc/passwd": 404,
    "/page.js/": 404,
    "/docs": 404,
}


@pytest.mark.parametrize(("path", "status"), QUESTIONS.items(), ids=QUESTIONS)
def test_questions_are_checked_and_files_are_named_ones_only(server: Server, path: str, status: int) -> None:
    path = path.replace("٣", "%D9%A3")
    found, headers, text = server.ask("GET", path)
    assert found == status, text
    assert json.loads(text)["error"]
    assert headers["content-security-policy"] == POLICY


def test_rejected_rows_are_paged_and_counted(server: Server) -> None:
    told = server.json("/api/rejected?source=a")
    assert (told["total"], told["reasons"]) == (1, {"no_time": 1})
    assert "<script>" in told["rows"][0]["raw"]
    assert server.json("/api/rejected?source=a&start=1")["rows"] == []
    assert server.json("/api/rejected?source=a&reason=bad_json")["total"] == 0
    assert server.json("/api/rejected?source=c")["total"] == 0


def test_health_and_metrics_are_those_of_the_command_line(server: Server, house: House) -> None:
    status, headers, text = server.ask("GET", "/health")
    told = json.loads(house.call("health", "--json").stdout)
    assert status == 200
    assert [sign["what"] for sign in json.loads(text)["signs"]] == [sign["what"] for sign in told["signs"]]
    _, headers, text = server.ask("GET", "/metrics")
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert 'marsad_posts{source="a"} 9' in text


def test_a_mistake_in_the_configuration_is_told_and_the_page_goes_on(server: Server, house: House) -> None:
    path = house.folder / "config.yaml"
    good = path.read_text(encoding="utf-8")
    try:
        path.write_text(good.replace("zone: Asia/Damascus", "zone: Asia/Damaskus", 1), encoding="utf-8")
        told = server.json("/api/state")
        assert "did you mean 'Asia/Damascus'?" in told["problem"]
        assert [one["now"]["source"] for one in told["sources"]] == ["a", "b", "c"]
    finally:
        path.write_text(good + "\n", encoding="utf-8")
    assert server.json("/api/state")["problem"] is None


def test_a_port_that_is_taken_is_one_message(house: House, server: Server) -> None:
    done = house.call("serve", "--port", str(server.port))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"marsad: cannot listen on 127.0.0.1 port {server.port}: Address already in use; choose another --port"
    ]


# The token


@pytest.fixture(scope="module")
def guarded(house: House) -> Iterator[Server]:
    with house.serving("--host", "0.0.0.0", "--name", "Marsad.example") as server:
        yield server


@pytest.fixture(scope="module")
def token(guarded: Server, house: House) -> str:
    path = house.folder / "home" / "marsad" / "serve.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text().strip()


@pytest.mark.parametrize("path", [path for path in READ if path not in ("/page.css", "/icon.svg")])
def test_beyond_this_machine_the_token_is_demanded(guarded: Server, token: str, path: str) -> None:
    status, headers, _ = guarded.ask("GET", path)
    assert (status, headers.get("location")) == ((303, "/login") if path == "/" else (401, None))
    assert "set-cookie" not in headers
    assert guarded.ask("GET", path, {"Authorization": f"Bearer {token}"})[0] == 200


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer ", "Basic x", "Bearer {}x", "{}"])
def test_a_wrong_token_opens_nothing(guarded: Server, token: str, given: str) -> None:
    assert guarded.ask("GET", "/api/state", {"Authorization": given.format(token)})[0] == 401


def test_the_form_gives_a_session_that_ends_at_logout(guarded: Server, token: str) -> None:
    ours = {"Origin": f"http://{guarded.host}"}
    assert guarded.ask("POST", "/login", {"Origin": "http://evil.example"}, f"token={token}")[0] == 403
    status, headers, text = guarded.ask("POST", "/login", ours, "token=wrong")
    assert (status, "set-cookie" in headers) == (401, False)
    assert "This is not the token." in text
    status, headers, _ = guarded.ask("POST", "/login", ours, f"token={token}")
    assert (status, headers["location"]) == (303, "/")
    given = headers["set-cookie"]
    assert "; HttpOnly; SameSite=Strict" in given
    cookie = {"Cookie": given.partition(";")[0]}
    proof = guarded.json("/api/state", cookie)["proof"]
    assert guarded.ask("POST", "/logout", {**cookie, **ours}, "{}")[0] == 403
    assert guarded.ask("POST", "/logout", {**cookie, **ours, "X-Marsad-Proof": proof}, "{}")[0] == 200
    assert guarded.ask("GET", "/api/state", cookie)[0] == 401


def test_behind_a_proxy_with_tls_the_cookie_is_secure(guarded: Server, token: str) -> None:
    headers = {"Host": "marsad.example", "Origin": "https://marsad.example"}
    assert "; Secure" in guarded.ask("POST", "/login", headers, f"token={token}")[1]["set-cookie"]


def test_a_program_with_the_token_acts_without_a_session(guarded: Server, token: str, house: House) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.ask("POST", "/api/sources/b/pause", headers, "{}")[0] == 200
    assert (house.dataset / "paused" / "b.json").exists()
    assert guarded.ask("POST", "/api/sources/b/resume", headers, "{}")[0] == 200
    assert not (house.dataset / "paused" / "b.json").exists()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8017"])
def test_beyond_this_machine_names_are_checked_too(guarded: Server, token: str, host: str) -> None:
    assert guarded.ask("GET", "/", {"Host": host, "Authorization": f"Bearer {token}"})[0] == 421


def test_a_token_of_the_environment_is_demanded_on_this_machine_too(house: House) -> None:
    with house.serving(MARSAD_SERVE_TOKEN=TOKEN) as server:
        assert server.ask("GET", "/api/state")[0] == 401
        assert server.ask("GET", "/api/state", {"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_token_files(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    made = open_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_token(path) == made
    assert len(made) >= LEAST_TOKEN
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_token(path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(ConfigError, match="5 characters"):
        open_token(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        open_token(tmp_path)
    with pytest.raises(ConfigError, match="at least 20"):
        checked("secret", "MARSAD_SERVE_TOKEN")


def test_keys() -> None:
    keys = Keys(TOKEN)
    assert keys.fits(TOKEN)
    assert not keys.fits(TOKEN[:-1])
    assert not Keys(None).fits("")
    first = keys.admit()
    assert keys.session(first.name) is first
    assert keys.session("") is keys.session(None) is keys.session(first.proof) is None
    for _ in range(256):
        keys.admit()
    assert keys.session(first.name) is None
    late = keys.admit()
    late.ends = time.monotonic() - 1
    assert keys.session(late.name) is None


@pytest.mark.parametrize("header", ["", "a b", "a:b", "a:123456", "[::1", "::1", "a\u0301", "a/b", "a@b"])
def test_what_is_no_host(header: str) -> None:
    assert host_name(header) == ""


# The queue


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(
        tmp_path / "config.yaml",
        ("/bin/sh", "-c", 'echo "marsad: $0 $1 was told" >&2; sleep 0.3; exit ${CODE:-75}'),
    )
    yield runs
    runs.close()


def ended(runs: Runs, source: str) -> str:
    deadline = time.monotonic() + 20
    while (asked := runs.last()[source]).state in ("waiting", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return asked.state


def test_runs_wait_for_each_other_and_tell_what_they_said(runs: Runs) -> None:
    runs.ask(Wish(kind="run", source="a"))
    runs.ask(Wish(kind="replay", source="b"))
    with pytest.raises(BusyError, match="marsad run a is"):
        runs.ask(Wish(kind="rerun", source="a"))
    assert runs.last()["b"].state == "waiting"
    assert ended(runs, "a") == ended(runs, "b") == "locked"
    assert runs.last()["a"].told == ("marsad: run a was told",)
    assert runs.last()["b"].told == ("marsad: rejected b was told",)
    assert runs.ask(Wish(kind="run", source="a")).number == 3


def test_a_waiting_and_a_running_run_are_stopped(runs: Runs) -> None:
    runs.ask(Wish(kind="run", source="a"))
    runs.ask(Wish(kind="run", source="b"))
    assert runs.stop("b") is not None
    assert ended(runs, "b") == "stopped"
    while runs.last()["a"].state == "waiting":
        time.sleep(0.01)
    runs.stop("a")
    assert ended(runs, "a") == "stopped"
    assert runs.stop("a") is runs.stop("never") is None
    assert runs.last()["b"].pid is None


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "config.yaml", ("/no/such/program",))
    runs.ask(Wish(kind="run", source="a"))
    assert ended(runs, "a") == "failed"
    assert "cannot start marsad run a" in runs.last()["a"].told[0]
    runs.close()


def test_the_scheduler_can_run_beside_it_and_ends_with_it(house: House) -> None:
    with house.serving("--schedule") as server:
        deadline = time.monotonic() + 60
        while (note := server.json("/api/state")["scheduler"]) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert server.json("/api/state")["sources"][0]["now"]["next_run"] is not None
    assert not is_alive(int(note.split()[1]), note.split()[3])


def test_a_report_that_cannot_be_made_says_why(tmp_path: Path, house: House) -> None:
    path = tmp_path / "config.yaml"
    path.write_text((house.folder / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with house.serving("--config", str(path)) as server:
        status, _, text = server.ask("GET", "/api/report")
    assert status == 500
    assert json.loads(text)["error"].endswith("no dataset here yet; `marsad run` makes one")


def test_the_server_listens_on_this_machine_only(server: Server) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError), socket.create_connection((address, server.port), timeout=2):  # noqa: PT011
            pass
    assert server.address == f"http://127.0.0.1:{server.port}/"
