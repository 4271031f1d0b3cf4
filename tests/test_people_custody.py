"""From a row to its bytes, and the rows that were refused, one by one."""

from __future__ import annotations

import base64
import json

import pytest
from test_jobs_inspect import call
from test_jobs_run import RERUN, House, export, house, message  # noqa: F401  a fixture

from pipeline.config import load
from pipeline.errors import ConfigError, DatasetError
from pipeline.jobs.custody import custody
from pipeline.jobs.quarantine import refused_row, refused_rows
from pipeline.storage.dataset import Dataset
from pipeline.storage.ledger import Ledger

POST = "telegram:77:3"


@pytest.fixture
def kept(house: House) -> House:  # noqa: F811
    house.run()
    edit = {"edited": "2014-03-06T00:00:00", "edited_unixtime": "1394064000"}
    export(house.folder / "a" / "two.json", [message(3, "صار في قصف على حلب أمس", **edit)])
    house.run("a")
    house.run("a", options=RERUN)
    return house


def test_the_chain_of_a_post(kept: House) -> None:
    found = custody(kept.config, POST, raw=True)
    path = kept.folder / "a" / "two.json"
    assert found.wrong == ()
    assert (found.source, found.export.file, found.export.state) == ("a", "a/two.json", "whole")
    assert (found.export.size, found.export.sha256) == (path.stat().st_size, found.export.sha256_now)
    assert found.raw is not None
    assert json.loads(found.raw)["id"] == 3
    assert [one.version for one in found.versions] == [1, 2, 3, 4]
    assert [one.current for one in found.versions] == [False, False, False, True]
    assert found.versions[0].file_sha256 != found.versions[-1].file_sha256
    assert {one.table for one in found.mentions} == {"places", "dates"}
    assert all(one.rule for one in found.mentions)
    assert [(one.file, one.edited_at) for one in found.history] == [("a/one.json", None)]
    state = Dataset(kept.folder / "data").current().manifest.sources["a"]
    assert (found.tables_digest, found.gazetteer_digest) == (state.tables_digest, state.gazetteer_digest)


def test_first_contact_is_in_the_ledger(kept: House) -> None:
    found = custody(kept.config, POST)
    (first, *_) = [
        event
        for event in Ledger(kept.folder / "data").events()
        if any(one["sha256"] == found.export.sha256 for one in event.get("inputs", ()))
    ]
    assert found.export.first_seen_by == "ledger"
    assert str(found.export.first_seen.isoformat()) == first["at"]
    assert first["inputs"][0]["size"] == found.export.size


def test_without_the_ledger_the_manifest_knows(kept: House) -> None:
    Ledger(kept.folder / "data").path.unlink()
    found = custody(kept.config, POST)
    assert found.export.first_seen_by == "manifest"
    assert found.export.first_seen is not None


def test_a_flipped_byte_of_the_export_is_found_and_located(kept: House) -> None:
    path = kept.folder / "a" / "one.json"
    whole = path.read_bytes()
    for number in (0, 4, 9):
        here = custody(kept.config, f"telegram:77:{number}").export.locator
        start, end = map(int, here.removeprefix("bytes ").split("-"))
        at = whole.index(f"رقم {number}".encode(), start, end + 1) + 1
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        found = custody(kept.config, "telegram:77:1")
        assert found.export.state == "changed"
        assert found.export.changed == (f"{here}: not what was recorded",)
        assert here in found.wrong[0]
        assert "a/one.json" in found.wrong[0]
    damaged = bytearray(whole)
    damaged[whole.rindex(b"]")] = 0x7D
    path.write_bytes(damaged)
    assert custody(kept.config, "telegram:77:1").export.changed  # the brackets around all rows
    path.write_bytes(whole + b"\n")
    assert "in no part" in custody(kept.config, "telegram:77:1").export.changed[0]
    path.unlink()
    found = custody(kept.config, "telegram:77:1", raw=True)
    assert (found.export.state, found.raw) == ("gone", None)
    assert "put it back" in found.wrong[0]


def test_a_flipped_byte_of_the_dataset_and_of_the_ledger_is_found(kept: House) -> None:
    current = Dataset(kept.folder / "data").current()
    for table in ("posts", "places", "dates", "rejected"):
        path = current.files(table, "a")[0]
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[10] ^= 1
        path.write_bytes(damaged)
        found = custody(kept.config, POST)
        assert all(path.name in told for told in found.wrong)
        assert found.wrong
        assert [one.version for one in found.versions] == ([1, 2, 3] if table == "posts" else [1, 2, 3, 4])
        path.write_bytes(whole)
    ledger = Ledger(kept.folder / "data").path
    ledger.write_bytes(ledger.read_bytes().replace(b'"files":1', b'"files":2', 1))
    assert any("runs.jsonl line" in told for told in custody(kept.config, POST).wrong)


def test_nobody_holds_it(kept: House) -> None:
    with pytest.raises(DatasetError, match="no post 'x'"):
        custody(kept.config, "x")


def test_the_command_of_custody(kept: House) -> None:
    where = ("--config", str(kept.config.path))
    code, out, _ = call("custody", POST, *where)
    assert code == 0
    for words in ("a/two.json", "first 20", "every byte is as recorded", "1, 2, 3, 4 (current)"):
        assert words in out
    code, out, _ = call("custody", POST, "--json", "--raw", *where)
    told = json.loads(out)
    assert json.loads(base64.b64decode(told["raw_base64"]))["id"] == 3
    (kept.folder / "a" / "two.json").unlink()
    assert call("custody", POST, *where)[0] == 1


def refused(number: int) -> dict[str, object]:
    row = message(number)
    del row["date"], row["date_unixtime"]
    return row


def test_refused_rows_are_listed_shown_and_replayed(house: House) -> None:  # noqa: F811
    one = house.folder / "a" / "one.json"
    export(one, [message(1), refused(2), refused(3)])
    house.run()
    where = ("--config", str(house.config.path))
    for words in (("rejected",), ("rejected", "list"), ("rejected", "a"), ("rejected", "list", "a")):
        code, out, _ = call(*words, *where)
        assert (code, out.count("no_time")) == (0, 2)
    assert "no_time" not in call("rejected", "b", *where)[1]
    assert "no_time" not in call("rejected", "--reason", "bad_json", *where)[1]
    code, out, _ = call("rejected", "list", "a", "--json", *where)
    rows = json.loads(out)["rejected"]
    assert len({row["row"] for row in rows}) == 2
    code, out, _ = call("rejected", "show", rows[0]["row"], *where)
    assert code == 0
    for words in ("no_time", "a/one.json", rows[0]["locator"], '"id": 2'):
        assert words in out
    code, out, _ = call("rejected", "show", rows[1]["row"][:6], "--json", *where)
    assert json.loads(json.loads(out)["raw"])["id"] == 3
    assert "no rejected row" in call("rejected", "show", "zzz", *where)[2]
    assert "is not a reason" in call("rejected", "replay", "--reason", "x", *where)[2]
    assert "no source 'c'" in call("rejected", "c", *where)[2]
    export(one, [message(1), message(2), refused(3)])
    for words in (("replay", "a"), ("a", "--replay"), ("replay", "a", "--reason", "no_time")):
        code, out, _ = call("rejected", *words, *where)
        assert code == 0
        assert house.ids("a") == ["1", "2"]  # exactly once, however often
        _, left = refused_rows(load(house.config.path), "a")
        assert [json.loads(row.raw)["id"] for row in left] == [3]


def test_two_refused_rows_of_one_place_have_names_of_their_own(house: House) -> None:  # noqa: F811
    export(house.folder / "a" / "one.json", [message(1), refused(2)])
    house.run("a")
    _, (row,) = refused_rows(house.config, "a")
    assert refused_row(house.config, row.row) == row
    with pytest.raises(ConfigError, match="no rejected row"):
        refused_row(house.config, f"{row.row}-2")
