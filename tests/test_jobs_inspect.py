"""`marsad inspect` and `marsad source`, and what a run does with files that are not whole."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from reader_builders import chat, exported, message
from telegram_pages import page, post
from test_jobs_run import House, house  # noqa: F401  a fixture

from pipeline.config import load
from pipeline.errors import ConfigError, DatasetError, ExportError
from pipeline.jobs.inspect import inspect, source_bytes, told
from pipeline.jobs.run import Options, run
from pipeline.jobs.status import status
from pipeline.readers import Reading
from pipeline.records import Reason
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset

READING = Reading(source="inspected", zone="Asia/Damascus")
WHATSAPP = "".join(f"1{day}/5/2025، 09:17 - أبو محمد: قصف على حلب\nسطر {day}\n" for day in range(3, 9))
FILES = {
    "result.json": exported(chat([message(number, f"قصف {number}") for number in range(6)])).encode(),
    "chat.txt": WHATSAPP.encode(),
    "forum.tsv": "الوقت\tالكاتب\tالنص\n".encode("cp1256")
    + "".join(f"2016-10-1{day} 02:30\tأ\tقصف على حي الشعار في حلب {day}\n" for day in range(1, 8)).encode("cp1256"),
    "posts.jsonl": b"".join(json.dumps({"id": n, "text": f"Shelling {n}", "date": 1704189600}).encode() + b"\n" for n in range(6)),
    "messages.html": page("".join(post(number) for number in range(6))).encode(),
    "shared.csv.gz": gzip.compress(b"Posted,Link,Content\n" + "".join(f"2013-05-1{n} 09:10,https://f.com/{n},القصف مستمر {n}\n" for n in range(1, 8)).encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_pasted_configuration_runs(name, tmp_path, cache, toolkit, monkeypatch):
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    monkeypatch.setenv("MARSAD_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(FILES[name])
    found = inspect(Path(name), READING)
    assert found.problem is None
    assert found.posts >= 6
    (tmp_path / "config.yaml").write_text(
        f"engine: {{kind: serial}}\ngazetteer: {{home: [SY, LB, IQ, TR]}}\n{found.config}\n", encoding="utf-8"
    )
    (outcome,) = run(load(tmp_path / "config.yaml"), (), Options(dry=True))
    assert (outcome.state, outcome.posts, outcome.books.rejected) == ("tried", found.posts, found.rejected)
    texts = load_and_read(tmp_path)
    assert all("قصف" in text or "القصف" in text or "Shelling" in text for text in texts)


def load_and_read(folder: Path) -> list[str]:
    list(run(load(folder / "config.yaml"), ()))
    return list(load_dataset(folder / "data").posts()["text"])


def test_what_is_told(tmp_path):
    broken = message(7)
    del broken["date"], broken["date_unixtime"]
    path = tmp_path / "result.json"
    path.write_text(
        exported(
            chat(
                [
                    message(1, "قصف على حلب"),
                    message(1, "Shelling of Aleppo"),
                    broken,
                    {"id": 9, "type": "service"},
                ]
            )
        )
    )
    found = inspect(path, READING)
    assert (found.reader, found.encoding, found.posts, found.nonposts, found.rejected) == (
        "telegram_json",
        "utf-8",
        2,
        1,
        1,
    )
    assert (found.authors, found.ids_twice, found.groups) == (1, 1, ("أخبار الحي",))
    assert found.languages == {"ar": 1, "en": 1}
    assert found.refused[0].reason == Reason.NO_TIME
    assert str(found.first) == str(found.last) == "2024-01-02 11:00:00"
    lines = "\n".join(told(found))
    for words in ("telegram_json", "Shelling of Aleppo", "1 x no_time", "2 posts, 1 of the exporter's own"):
        assert words in lines


def test_missing_pages_and_members_are_told(tmp_path):
    (tmp_path / "messages3.html").write_text(page(post(1)), encoding="utf-8")
    (tmp_path / "messages.html").write_text(page(post(1), behind="messages2.html"), encoding="utf-8")
    found = inspect(tmp_path / "messages.html", READING)
    assert found.missing == ("messages2.html",)
    assert "messages*.html" in found.config
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("_chat.txt", WHATSAPP)
    assert inspect(tmp_path / "x.zip", READING).inside == ("x.zip/_chat.txt (whatsapp)",)


def test_what_no_reader_knows_is_said_with_the_nearest(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear all,\nnothing is in here.\n")
    found = inspect(path, READING)
    assert "no reader recognizes" in str(found.problem)
    assert found.config == ""
    with pytest.raises(ExportError):
        inspect_empty_archive(tmp_path)


def inspect_empty_archive(folder: Path):
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("a.jpg", "x")
    return inspect(folder / "x.zip", READING)


def test_a_day_order_that_must_be_told_is_asked_for(tmp_path):
    path = tmp_path / "chat.txt"
    path.write_text("1/5/2025, 09:17 - A: x\n1/5/2025, 09:18 - B: y\n", encoding="utf-8")
    assert "day_order" in str(inspect(path, READING).problem)


def test_source_gives_the_original_bytes(house: House):  # noqa: F811
    house.run()
    ids = list(load_dataset(house.folder / "data").posts(source="a")["post_id"])
    for post_id in ids:
        where, found = source_bytes(house.config, post_id)
        assert "a/one.json, bytes " in where
        assert json.loads(found)["id"] == int(post_id.rpartition(":")[2])
    with pytest.raises(DatasetError, match="no post 'nobody'"):
        source_bytes(house.config, "nobody")
    path = house.folder / "a" / "one.json"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DatasetError, match="has changed since"):
        source_bytes(house.config, ids[0])
    path.unlink()
    with pytest.raises(DatasetError, match="not there any more"):
        source_bytes(house.config, ids[0])


def test_files_that_are_not_whole_are_told_in_manifest_status_and_code(house: House):  # noqa: F811
    whole = (house.folder / "a" / "one.json").read_bytes()
    (house.folder / "a" / "cut.json").write_bytes(whole[: len(whole) * 2 // 3])
    (house.folder / "a" / "none.json").write_bytes(b"nothing that could be read")
    outcome = house.run("a")[0]
    assert (outcome.state, outcome.exit_code) == ("published", 3)
    state = Dataset(house.folder / "data").current().manifest.sources["a"]
    assert {one.name: one.state for one in state.inputs} == {
        "a/cut.json": "partial", "a/none.json": "rejected", "a/one.json": "complete",
    }  # fmt: skip
    for one in state.inputs:
        one.books.check(one.name)
    gaps = status(house.config).sources[0].incomplete
    assert [gap.split(" ")[0] for gap in gaps] == ["a/cut.json", "a/none.json"]
    assert gaps == outcome.notes
    assert house.run("a")[0].state == "unchanged"  # what was rejected is taken in: it is not tried for ever


def test_missing_pages_are_told_until_they_come(house: House):  # noqa: F811
    house.more["a"] = ", group: g"
    for number in (1, 3):
        name = f"messages{number if number > 1 else ''}.html"
        (house.folder / "a" / name).write_text(page(post(number + 100)), encoding="utf-8")
    config = house.config
    text = config.path.read_text(encoding="utf-8").replace("files: a/*.json", "files: a/*.*")
    config.path.write_text(text, encoding="utf-8")
    (outcome, _) = run(load(config.path), ())
    assert (outcome.exit_code, outcome.notes) == (
        3,
        ("a/messages2.html is missing: export or copy it again",),
    )
    assert Dataset(house.folder / "data").current().manifest.sources["a"].missing == ("a/messages2.html",)
    assert status(load(config.path)).sources[0].incomplete == outcome.notes
    (house.folder / "a" / "messages2.html").write_text(page(post(102)), encoding="utf-8")
    (later, _) = run(load(config.path), ())
    assert (later.exit_code, later.notes, later.posts) == (0, (), outcome.posts + 1)


def call(*words: str) -> tuple[int, str, str]:
    from typer.testing import CliRunner

    from pipeline.cli import app

    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout, str(done.exception or "")


def test_the_commands_themselves(house: House, tmp_path):  # noqa: F811
    path = house.folder / "a" / "one.json"
    code, out, _ = call("inspect", str(path), "--zone", "Asia/Damascus")
    assert code == 0
    assert "telegram_json" in out
    assert "sources:\n  - name: one" in out
    code, out, _ = call("inspect", str(path), "--json")
    assert json.loads(out)["posts"] == 10
    assert call("inspect", str(tmp_path / "gone"))[0] != 0
    assert "'x' is not a reader" in call("inspect", str(path), "--reader", "x")[2]
    assert "--day-order" in call("inspect", str(path), "--day-order", "x")[2]
    assert "--column" in call("inspect", str(path), "--column", "x=y")[2]
    house.run("a")
    (post_id, *_) = load_dataset(house.folder / "data").posts(source="a")["post_id"]
    code, out, _ = call("source", post_id, "--config", str(house.config.path))
    assert code == 0
    assert json.loads(out)["id"] == int(post_id.rpartition(":")[2])


def test_a_table_is_known_by_the_columns_that_are_configured(house: House):  # noqa: F811
    (house.folder / "a" / "one.json").write_text(
        "n,what,at\n1,قصف على حلب,2016-02-01 10:00\n", encoding="utf-8"
    )
    house.more["a"] = ", columns: {id: n, text: what, posted_at: at}"
    (outcome,) = house.run("a")
    assert (outcome.state, outcome.posts) == ("published", 1)


def test_limits_are_configured(house: House):  # noqa: F811
    text = house.config.path.read_text(encoding="utf-8")
    path = house.folder / "a" / "one.json"
    whole = path.read_text(encoding="utf-8")
    path.write_text(
        whole.replace('"type": "message"', '"x": ' + "[" * 20 + "]" * 20 + ', "type": "message"', 1),
        encoding="utf-8",
    )
    config = house.folder / "config.yaml"
    for depth, rejected in ((10, 1), (40, 0)):
        config.write_text(f"limits: {{json_depth: {depth}}}\n{text}", encoding="utf-8")
        (outcome,) = run(load(config), ["a"], Options(dry=True))
        assert outcome.books.rejected == rejected
    config.write_text(f"limits: {{json_deep: 4}}\n{text}", encoding="utf-8")
    with pytest.raises(ConfigError, match="json_depth"):
        load(config)
