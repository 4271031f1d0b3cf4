"""Manners of the command line, over all commands: help, JSON, terminals, completion, slips, exit codes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from terminal import at_terminal
from test_cli import Shell, shell  # noqa: F401  a fixture

from pipeline.cli import app, main
from pipeline.cli.reference import commands, examples_of, reference

Call = Callable[..., tuple[int, str, str]]
ALL = dict(commands(typer.main.get_command(app)))
ACTING = {  # they do something, and say in one line what they did
    "marsad annotate", "marsad demo", "marsad gazetteer add csv", "marsad gazetteer add geonames",
    "marsad gazetteer add whosonfirst", "marsad gazetteer remove", "marsad pause", "marsad prune", "marsad repair",
    "marsad resume", "marsad rollback", "marsad schedule", "marsad serve",
}  # fmt: skip


def parsed(line: str) -> None:
    """Parse a call as the command would, without running it; raises what the command would complain of."""
    words = shlex.split(
        line.split(" | ", maxsplit=1)[0].split(" < ", maxsplit=1)[0].split(" > ", maxsplit=1)[0],
        comments=True,
    )
    assert words[0] == "marsad"
    command = typer.main.get_command(app)
    words = words[1:]
    name = "marsad"
    while hasattr(command, "commands"):
        if words and words[0] in command.commands:
            name, command, words = f"{name} {words[0]}", command.commands[words[0]], words[1:]
        elif name == "marsad rejected":  # without a word it lists
            command = command.commands["list"]
        else:
            assert not words or words[0].startswith("-"), f"no command {words[0]!r} in: {line}"
            command.make_context(name, words or ["--version"], resilient_parsing=True)
            return
    if {"-h", "--help"} & set(words):
        return
    command.make_context(name, words)


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_and_examples_that_parse(name):
    command = ALL[name]
    assert command.help
    assert command.help.strip()[0].isupper() or command.help.startswith("JSON")
    lines = examples_of(command)
    assert lines
    for line in lines:
        assert line.startswith("marsad rejected" if name == "marsad rejected list" else name)
        parsed(line)
    for one in command.params:
        assert one.name == "help" or one.help, f"{name} {one.name}"


@pytest.mark.parametrize(
    "wrong", ["marsad rnu", "marsad run --jsn", "marsad rerun", "marsad diff one", "marsad keys x"]
)
def test_a_call_that_does_not_parse_is_noticed(wrong):
    with pytest.raises(
        Exception, match=r"no command|No such option|Missing parameter|valid integer|unexpected"
    ):
        parsed(wrong)


@pytest.mark.parametrize("name", sorted(ALL.keys() - ACTING))
def test_every_reading_command_speaks_json(name):
    assert any("--json" in one.opts for one in ALL[name].params)


@pytest.mark.parametrize("name", ALL)
def test_one_word_for_one_thing(name):
    options = {opt: one for one in ALL[name].params for opt in one.opts}
    for short, long in [("-c", "--config"), ("-o", "--out"), ("-y", "--yes")]:
        assert (short in options) <= (long in options)
    assert "--quiet" not in options


def test_the_page_of_the_commands_is_what_the_program_says(root: Path):
    assert (root / "docs" / "commands.md").read_text(encoding="utf-8") == reference()


@pytest.fixture
def call(shell: Shell, monkeypatch, capfd) -> Iterator[Call]:  # noqa: F811
    """`marsad` in this process: what it answers in a process of its own, in a tenth of the time."""
    for name, value in shell.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(shell.folder)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["marsad", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    yield called
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_reading_commands_give_json_that_parses(shell: Shell, call):  # noqa: F811
    assert call("run", "--json")[0] == 0
    code, out, _ = call("rejected", "list", "--json")
    row = json.loads(out)["rejected"][0]["row"]
    post = "telegram:1234567890:1"
    _, out, _ = call("export", "csv", "posts", "--json")
    posts = (
        (shell.folder / "posts.csv").read_text("utf-8-sig") if (shell.folder / "posts.csv").exists() else out
    )
    post = posts.splitlines()[1].split(",")[0].strip('"') if "post_id" in posts.splitlines()[0] else post
    for words, expected in [
        (["status"], "sources"),
        (["versions"], "versions"),
        (["check"], "findings"),
        (["health"], "signs"),
        (["verify"], "well"),
        (["diff", "1"], "sources"),
        (["history"], "runs"),
        (["rejected", "show", row], "raw"),
        (["keys", "list"], "keys"),
        (["inspect", "a/one.json"], "reader"),
        (["gazetteer", "list"], "folder"),
        (["explain", "قصف حماة"], "places"),
        (["custody", post], "export"),
        (["source", post], "base64"),
        (["report", "--out", "r.html"], "report"),
        (["forget", post, "--dry-run"], ""),
        (["new", "b", "a/one.json", "--yes"], "block"),
    ]:
        code, out, err = call(*words, "--json")
        assert code in {0, 1}, (words, err)
        found = json.loads(out)
        assert expected == "" or expected in found, (words, list(found))


# Slips


def test_a_slip_in_a_name_gets_a_proposal(shell: Shell, call):  # noqa: F811
    shell.configure(more="}\n  - {name: ghab_telegram, files: a/*.json")
    assert call("run", "ghab_telegram")[0] in {0, 3}
    for words in (
        ["run", "ghab_telegarm"],
        ["rerun", "ghab_telegarm"],
        ["rejected", "ghab_telegarm"],
        ["rejected", "replay", "ghab_telegarm"],
        ["history", "ghab_telegarm"],
        ["pause", "ghab_telegarm"],
        ["repair", "ghab_telegarm"],
        ["rollback", "1", "--source", "ghab_telegarm"],
        ["report", "ghab_telegarm"],
        ["export", "csv", "--source", "ghab_telegarm"],
        ["forget", "x", "--source", "ghab_telegarm", "--dry-run"],
    ):
        code, out, err = call(*words)
        assert (code, out) == (2, ""), (words, err)
        assert "did you mean 'ghab_telegram'?" in err, (words, err)
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rnu"], "'run'"),
        (["gazetteer", "lokup", "x"], "'lookup'"),
        (["gazetteer", "add", "geoname"], "'geonames'"),
        (["keys", "lst"], "'list'"),
        (["run", "--jsn"], "--json"),
        (["export", "xslx"], "'xlsx'"),
        (["inspect", "a/one.json", "--reader", "telegram"], "'telegram_json'"),
        (["inspect", "a/one.json", "--zone", "Asia/Damascsu"], "'Asia/Damascus'"),
        (["rejected", "--reason", "bad_jsn"], "bad_json"),
    ],
)
def test_a_slip_in_a_word_gets_a_proposal(words, expected, call):
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert expected in err.replace("\n", " ")


# Terminals

PLAIN = {"TERM": "xterm-256color", "COLUMNS": "200", "LANG": "C.UTF-8"}


def screen(shell: Shell, *words: str, **more: str) -> tuple[int, str]:  # noqa: F811
    environment = {
        k: v
        for k, v in shell.environment.items()
        if k not in {"LC_ALL", "LC_CTYPE", "NO_COLOR", "PYTHONUTF8"}
    }
    return at_terminal(words, shell.folder, environment | PLAIN | more)


def test_a_terminal_gets_arabic_or_escapes(shell: Shell):  # noqa: F811
    code, shown = screen(shell, "explain", "قصف على حماة")
    assert (code, "حماة" in shown) == (0, True)
    code, shown = screen(shell, "explain", "قصف على حماة", LANG="C")
    assert (code, "\\u062d\\u0645\\u0627\\u0629" in shown, shown.isascii()) == (0, True, True)
    code, shown = screen(shell, "explain", "قصف على حماة", "--json", LANG="C")
    assert shown.isascii()
    assert json.loads(shown)["places"][0]["surface"] == "حماة"
    code, shown = screen(shell, "--help", LANG="C")
    assert (code, shown.isascii()) == (0, True)
    code, out, _ = shell.call("explain", "قصف على حماة")
    assert "حماة" in out  # a pipe is UTF-8 whatever the locale
    shell.environment |= {"LANG": "C", "LC_ALL": "C"}
    assert "حماة" in shell.call("explain", "قصف على حماة")[1]


def test_what_would_steer_a_terminal_is_shown_as_text(shell: Shell):  # noqa: F811
    evil = "قصف \x1b]0;owned\x07\x1b[31m \u202eabc"
    code, shown = screen(shell, "explain", evil, NO_COLOR="1")
    assert code == 0
    assert "\x1b]0" not in shown
    assert "\u202e" not in shown
    assert "\\u202e" in shown


def test_colors_can_be_switched_off(shell: Shell):  # noqa: F811
    assert "\x1b[" in screen(shell, "--help")[1]
    shown = screen(shell, "--help", NO_COLOR="1")[1]
    colors = [f"\x1b[{number}m" for number in (*range(30, 38), *range(90, 98))]
    assert not [one for one in colors if one in shown]
    assert ";3" not in shown


def test_progress_is_a_bar_on_a_terminal_and_lines_in_a_log(shell: Shell):  # noqa: F811
    code, shown = screen(shell, "run", NO_COLOR="1")
    assert code == 0
    assert "1 of 1 files, 10 rows" in shown
    assert "left" in shown
    _, _, err = shell.call("rerun", "a")
    assert "a: 1 of 1 files, 10 rows read" in err
    assert "\x1b" not in err
    assert "\r" not in err


# Completion


def completed(shell: Shell, line: str) -> list[str]:  # noqa: F811
    words = line.split(" ")
    more = {"_MARSAD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = "from pipeline.cli import app; app(prog_name='marsad')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.folder,
        env=shell.environment | more,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_tabulator_proposes(shell: Shell):  # noqa: F811
    shell.configure(more="}\n  - {name: ghab, files: x.json}\n  - {name: ghazi, files: y.json")
    assert completed(shell, "marsad ru") == ["run"]
    assert completed(shell, "marsad run gh") == ["ghab", "ghazi"]
    assert completed(shell, "marsad run ghab gh") == ["ghazi"]
    assert completed(shell, "marsad rerun g") == ["ghab", "ghazi"]
    assert completed(shell, "marsad export --source gha") == ["ghab", "ghazi"]
    assert completed(shell, "marsad export geo") == ["geojson", "geoparquet"]
    assert completed(shell, "marsad inspect x --reader telegram_h") == ["telegram_html"]
    assert completed(shell, "marsad inspect x --zone Asia/Dam") == ["Asia/Damascus"]
    assert "bad_json" in completed(shell, "marsad rejected list --reason bad")
    assert completed(shell, "marsad rollback ") == []
    assert shell.call("run", "a")[0] == 0
    assert completed(shell, "marsad rollback ") == ["1"]
    (shell.folder / "config.yaml").write_text("no: [yaml")
    assert completed(shell, "marsad run gh") == []


def test_a_shell_can_take_the_completion_in(shell: Shell):  # noqa: F811
    shell.configure(more="}\n  - {name: ghab, files: x.json")
    (shell.folder / "bin").mkdir()
    program = shell.folder / "bin" / "marsad"
    program.write_text(f"#!{sys.executable}\nfrom pipeline.cli import app\napp(prog_name='marsad')\n")
    program.chmod(0o755)
    script = (
        'eval "$(_MARSAD_COMPLETE=source_bash marsad)"; COMP_WORDS=(marsad run gh); COMP_CWORD=2; '
        '_marsad_completion marsad; echo "${COMPREPLY[@]}"'
    )
    environment = shell.environment | {"PATH": f"{program.parent}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=shell.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["ghab"], done.stderr


# Exit codes


def test_exit_codes(shell: Shell, call):  # noqa: F811
    assert call("status")[0] == 0
    assert call("run", "--nope")[0] == 2
    assert call("run", "--config", "none.yaml")[0] == 2
    assert call("status", "x")[0] == 2
    shell.configure(more=", expect: {max_rejected: 0.01}")
    assert call("run")[0] == 3
    assert call("gazetteer", "lookup", "qwertzuiop")[0] == 1
    assert call("source", "telegram:1:nothing")[0] == 1
    assert call("diff", "7")[0] == 1
