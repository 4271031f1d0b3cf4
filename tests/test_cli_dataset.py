"""Versions of the dataset on the command line: list, compare, go back, check, mend; reruns of days, replays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import test_cli
from test_cli import Shell
from test_jobs_run import export, message

from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load

shell = test_cli.shell  # the fixture


def edit(shell: Shell) -> None:
    """One message more, one other text, one gone."""
    messages = [message(number) for number in range(10) if number != 3]
    messages[0] = message(0, "قصف على مدينة إدلب")
    export(shell.folder / "a" / "one.json", [*messages, message(11)])


@pytest.fixture
def house(shell: Shell) -> Shell:
    """A dataset of two versions."""
    shell.configure(more=", expect: {max_shrink: 1}")
    assert shell.call("run")[0] == 0
    edit(shell)
    assert shell.call("rerun", "a")[0] == 0
    return shell


def test_versions_and_diff(house: Shell) -> None:
    code, out, _ = house.call("versions", "--json")
    told = json.loads(out)["versions"]
    assert code == 0
    assert [(one["version"], one["posts"], one["current"]) for one in told] == [(1, 9, False), (2, 10, True)]
    code, out, _ = house.call("diff", "1")
    assert code == 0
    assert "changed: a/one.json" in out
    assert "2 added, 1 changed, 1 gone" in out
    assert "text, text_clean, text_normalized" in out
    (source,) = json.loads(house.call("diff", "1", "2", "--most", "0", "--json")[1])["sources"]
    assert source["counts"]["posts"] == {"added": 2, "changed": 1, "gone": 1}
    assert source["rows"] == []
    assert house.call("diff", "2", "2")[1] == "unchanged: a\n"
    code, _, err = house.call("diff", "7")
    assert (code, "there are: 1, 2" in err) == (1, True)


def test_versions_tell_why_no_source_changed(house: Shell) -> None:
    assert house.call("rollback", "1")[0] == 0
    post_id = load(house.folder / "data").posts().post_id.iloc[0]
    assert house.call("forget", post_id)[0] == 0
    told = json.loads(house.call("versions", "--json")[1])["versions"]
    assert [one["changed"] for one in told] == ["a", "a", "restored", "forgotten"]


def test_rollback_is_a_new_version(house: Shell) -> None:
    code, out, _ = house.call("rollback", "1")
    assert (code, out) == (0, "version 3: all sources as in version 1\n")
    assert len(load(house.folder / "data").posts()) == 9
    assert house.call("rollback", "9")[0] == 1
    assert house.call("rollback", "1", "--source", "b")[0] == 2


def test_damage_is_found_named_and_mended(house: Shell) -> None:
    assert house.call("verify")[0] == 0
    path = Dataset(house.folder / "data").current().files("posts", "a")[0]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    code, out, err = house.call("verify")
    assert code == 1
    assert path.name in out
    assert "marsad repair a" in err
    code, out, _ = house.call("repair", "a")
    assert (code, out) == (0, "a: its exports were read again, version 3\n")
    assert house.call("verify")[0] == 0
    assert house.call("repair", "a")[1] == "a: every byte is as published, nothing to do\n"


def test_without_its_exports_a_source_is_mended_from_an_earlier_version(house: Shell) -> None:
    path = Dataset(house.folder / "data").current().files("dates", "a")[0]
    path.write_bytes(path.read_bytes()[:-1])
    (house.folder / "a" / "one.json").unlink()
    code, out, _ = house.call("repair", "a")
    assert code == 0
    assert out.startswith("a: as in version 1, now version 3; ")
    assert len(load(house.folder / "data").posts()) == 9


def test_prune_keeps_what_somebody_may_read(house: Shell) -> None:
    assert house.call("prune") == (0, "removed: none; there are: 1, 2\n", "")
    assert house.call("prune", "--hours", "1")[0] == 2


def test_health_has_an_exit_code(house: Shell) -> None:
    code, out, _ = house.call("health", "--json")
    assert (code, json.loads(out)["level"]) == (0, "well")
    (house.folder / "a" / "one.json").write_text("nothing", encoding="utf-8")
    assert house.call("run")[0] == 1
    code, out, _ = house.call("health")
    assert code == 1
    assert "bad      source a: its last run failed" in out


def test_a_rerun_of_days(house: Shell) -> None:
    code, out, _ = house.call("rerun", "a", "--since", "2014-03-05", "--until", "2014-03-05", "--json")
    assert (code, json.loads(out)["sources"][0]["posts"]) == (0, 10)
    for words in (("--since", "yesterday"), ("--since", "2014-03-06", "--until", "2014-03-05")):
        code, _, err = house.call("rerun", "a", *words)
        assert code == 2
        assert "--since" in err


def test_replay(shell: Shell) -> None:
    assert shell.call("run")[0] == 0
    code, out, err = shell.call("rejected", "--replay", "--json")
    (source,) = json.loads(out)["sources"]
    assert (code, source["kind"], source["state"]) == (0, "replay", "unchanged")
    assert "1 rows are rejected as before" in err


def test_metrics_are_written_after_a_run(house: Shell) -> None:
    config = house.folder / "config.yaml"
    config.write_text("metrics: out.prom\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
    assert house.call("run")[0] == 0
    assert 'marsad_posts{source="a"} 10' in (house.folder / "out.prom").read_text(encoding="utf-8")


def test_nothing_there_yet(tmp_path: Path, shell: Shell) -> None:
    assert shell.call("versions")[0] == 0
    for words in (("diff", "1"), ("verify",), ("rollback", "1")):
        assert shell.call(*words)[0] == 1, words
