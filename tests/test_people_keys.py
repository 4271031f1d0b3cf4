"""Key rotation, retention, masking, and who may read what marsad writes."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_jobs_inspect import call
from test_jobs_run import RERUN, House, export, house, message  # noqa: F401  a fixture

from pipeline.config import key_file, load
from pipeline.errors import ConfigError
from pipeline.jobs.keys import older_file, open_ring, rotate
from pipeline.jobs.masking import SIGN, mask_posts, mask_texts
from pipeline.jobs.retention import expire
from pipeline.records import Origin, Post
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset
from pipeline.storage.ledger import Ledger

EVERY = ("phones", "handles", "emails")


def authors(house: House, source: str) -> set[str]:  # noqa: F811
    return set(load_dataset(house.folder / "data").posts(source=source)["author_key"])


def test_a_new_key_is_current_and_the_old_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "key"
    first = open_ring(path).current
    second = rotate(path).current
    third = rotate(path).current
    ring = open_ring(path)
    assert ring.keys == (third, second, first)
    assert ring.find(first.key_id) == first
    for file in (path, older_file(path)):
        assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in path.parent.iterdir()) == ["key", "key.old"]
    older_file(path).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_ring(path)
    older_file(path).chmod(0o600)
    older_file(path).write_text("no key\n")
    with pytest.raises(ConfigError, match="no key"):
        open_ring(path)


def test_a_rotation_that_was_killed_in_the_middle_has_lost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = open_ring(path).current
    older_file(path).write_text(f"{first.secret.hex()}\n")  # put by, and then nothing more
    older_file(path).chmod(0o600)
    assert open_ring(path).keys == (first,)
    assert rotate(path).older == (first,)


def test_rows_keep_their_key_until_their_source_is_rerun(house: House) -> None:  # noqa: F811
    house.run()
    before = authors(house, "a")
    assert before == authors(house, "b")
    rotate(key_file())
    export(house.folder / "a" / "two.json", [message(number) for number in range(8, 14)])
    (outcome,) = house.run("a")
    assert authors(house, "a") == before  # the same people, in old rows and new ones
    assert outcome.posts == 14
    (outcome,) = house.run("a")
    assert "key_id" in outcome.notes[0]
    assert "marsad rerun a" in outcome.notes[0]
    house.run("a", options=RERUN)
    assert not authors(house, "a") & before
    assert authors(house, "b") == before
    house.run("b", options=RERUN)
    assert authors(house, "b") == authors(house, "a")


WHATSAPP = "".join(f"05/03/2014, 12:0{n} - Omar: قصف على حماة رقم {n}\n" for n in range(9))


def test_ids_that_hang_on_the_key_make_no_row_twice(house: House) -> None:  # noqa: F811
    config = house.config
    (house.folder / "c.txt").write_text(WHATSAPP, encoding="utf-8")
    text = config.path.read_text(encoding="utf-8")
    more = "  - {name: c, files: c*.txt, zone: Asia/Damascus, reader: whatsapp, day_order: dmy}\n"
    config.path.write_text(text + more, encoding="utf-8")
    from pipeline.jobs.run import run

    (outcome,) = run(load(config.path), ["c"])
    assert outcome.posts == 9
    rotate(key_file())
    (house.folder / "c2.txt").write_text(WHATSAPP + "06/03/2014, 10:00 - Omar: هدوء\n", encoding="utf-8")
    (outcome,) = run(load(config.path), ["c"])
    assert (outcome.posts, outcome.books.duplicate) == (10, 9)


def test_the_commands_of_keys(house: House) -> None:  # noqa: F811
    house.run()
    where = ("--config", str(house.config.path))
    first = open_ring(key_file()).current.key_id
    code, out, _ = call("keys", "rotate", *where, "--json")
    assert (code, json.loads(out)["rerun"]) == (0, ["a", "b"])
    code, out, _ = call("keys", "list", *where, "--json")
    listed = {row["key_id"]: row for row in json.loads(out)["keys"]}
    assert listed[first] == {"key_id": first, "state": "older", "sources": ["a", "b"]}
    assert sorted(row["state"] for row in listed.values()) == ["current", "older"]
    assert "older" in call("keys", "list", *where)[1]
    older_file(key_file()).unlink()
    assert "lost" in call("keys", "list", *where)[1]


def test_old_posts_are_kept_out_and_taken_out(house: House) -> None:  # noqa: F811
    """Posts of 2014 beside posts of today, in a source that keeps a year."""
    now = datetime.now(UTC)
    fresh = {"date": now.strftime("%Y-%m-%dT%H:%M:%S"), "date_unixtime": str(int(now.timestamp()))}
    export(house.folder / "a" / "one.json", [message(1), message(2, **fresh)])
    house.run()
    house.more["a"] = ", retention: {posts: 365d}"
    outcome, other = house.run()
    assert outcome.notes[-1].startswith("older than they are kept, now gone: a 1 posts")
    assert other.posts == 5
    dataset = Dataset(house.folder / "data")
    for number in dataset.versions():
        assert dataset.version(number).verify() == []
        version = load_dataset(dataset.root, number)
        if "a" in version.sources:
            assert list(version.posts(source="a")["native_id"]) == ["2"]
            assert set(version.dates(source="a")["post_id"]) <= {"telegram:77:2"}
    (event,) = [one for one in Ledger(dataset.root).events() if one["event"] == "expired"]
    assert event["rows"]["a"]["posts"] == 1
    before = house.version
    (outcome, _) = house.run()
    assert (house.version, outcome.notes[:1]) == (before, ())
    export(house.folder / "a" / "two.json", [message(3), message(4, **fresh)])
    (outcome,) = house.run("a")
    assert (outcome.books.written, outcome.books.expired) == (1, 1)
    assert "1 rows are older than they are kept" in outcome.notes[0]
    (outcome,) = house.run("a", options=RERUN)
    assert (outcome.books.expired, house.ids("a")) == (2, ["2", "4"])


def test_refused_rows_have_their_own_time(house: House) -> None:  # noqa: F811
    row = message(7)
    del row["date"], row["date_unixtime"]
    export(house.folder / "a" / "one.json", [message(1), row])
    house.run("a")
    house.more["a"] = ", retention: {rejected: 30d}"
    (outcome,) = house.run("a")
    assert outcome.notes == ()
    dataset = Dataset(house.folder / "data")
    later = datetime.now(UTC) + timedelta(days=32)
    with dataset.writer("test") as writer:
        gone = expire(dataset, writer, house.config.sources, later)
    assert gone.rows == {"a": {"posts": 0, "places": 0, "dates": 0, "rejected": 1}}
    assert len(load_dataset(dataset.root).rejected(source="a")) == 0
    assert house.ids("a") == ["1"]


def test_prune_applies_the_retention(house: House) -> None:  # noqa: F811
    house.run()
    house.more["a"] = ", retention: {posts: 365d}"
    code, out, _ = call("prune", "--config", str(house.config.path))
    assert code == 0
    assert "a 10 posts" in out
    assert house.ids("a") == []


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("retention: {posts: soon}", "retention.posts (a): 'soon' is not a time to keep rows"),
        ("retention: {posts: 0}", "0 is not a time to keep rows"),
        ("retention: {posts: true}", "True is not a time to keep rows"),
        ("retention: {post: 3d}", "did you mean 'posts'"),
        ("retention: 3d", "not a set of keys and values; allowed keys: posts, rejected"),
        ("mask: [phone]", "'phone' is not allowed; did you mean 'phones'"),
    ],
)
def test_what_the_configuration_refuses(house: House, setting: str, told: str) -> None:  # noqa: F811
    house.more["a"] = f", {setting}"
    with pytest.raises(ConfigError) as refused:
        _ = house.config
    assert told in str(refused.value)
    assert str(refused.value).startswith("config.yaml:4: ")


def test_who_may_read_what_is_written(house: House) -> None:  # noqa: F811
    """Posts are for everybody whom the umask lets in; keys, quarantine and half-done work for their owner."""
    os.umask(0o022)
    seen: dict[str, int] = {}

    def watch(_: object) -> None:
        for path in (house.folder / "data").rglob("*"):
            seen[path.name] = path.lstat().st_mode & 0o777

    from pipeline.jobs.run import Options

    row = message(7)
    del row["date"], row["date_unixtime"]
    export(house.folder / "a" / "one.json", [message(1), row])
    house.run(options=Options(watch=watch))
    rotate(key_file())
    call("forget", "user1", "--config", str(house.config.path))
    assert seen["work"] == 0o700
    modes = {path: path.stat().st_mode & 0o777 for path in house.folder.rglob("*") if not path.is_symlink()}
    for path, mode in modes.items():
        parts = path.relative_to(house.folder).parts
        if parts[0] == "secret":
            assert mode == (0o700 if path.is_dir() else 0o600), path
        elif parts[0] == "data":
            if path.name == "rejected":
                assert mode == 0o700, path
            assert not mode & 0o022, path  # nobody else may write anything
    data = [path for path in modes if path.parent.name == "posts" and path.suffix == ".parquet"]
    assert data
    assert all(modes[path] & 0o044 for path in data)


def test_others_read_posts_but_not_the_quarantine(house: House, tmp_path: Path) -> None:  # noqa: F811
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    house.run()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o005:
            folder.chmod(0o755)
        if folder.name.startswith("pytest-of"):
            break
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            dataset = load_dataset(house.folder / "data")
            assert len(dataset.posts()) == 15
            try:
                dataset.rejected()
            except Exception:  # noqa: BLE001
                os._exit(0)
            os._exit(1)
        except BaseException as wrong:  # noqa: BLE001
            print(repr(wrong))
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    ("text", "what", "masked"),
    [
        ("call +963 944 123 456 now", "phones", "call +*** *** *** *** now"),
        ("اتصل ٠٩٤٤ ١٢٣ ٤٥٦", "phones", "اتصل **** *** ***"),
        ("by @radar_news", "handles", "by @**********"),
        ("by @radar_news", "phones", "by @radar_news"),
        ("mail omar.ali@example.org", "emails", "mail ****.***@*******.***"),
        ("mail omar.ali@example.org", "handles", "mail omar.ali@example.org"),
        ("https://t.me/radar/12 and https://example.org/radar", "handles", "https://t.me/*****/** and https://example.org/radar"),
        ("wa.me/963944123456", "phones", "wa.me/************"),
        ("قصف على حماة 2014-03-05", "phones", "قصف على حماة 2014-03-05"),
        ("33.5138, 36.2765", "phones", "33.5138, 36.2765"),
    ],
)  # fmt: skip
def test_what_is_masked(text: str, what: str, masked: str) -> None:
    assert mask_texts([text], [what]) == [masked]  # type: ignore[list-item]


@given(st.lists(st.text(st.sampled_from("@.+0944123456 /:abtmeح\n-_#"), max_size=60), max_size=4))
def test_masking_keeps_every_place(texts: list[str]) -> None:
    masked = mask_texts(texts, EVERY)
    for before, after in zip(texts, masked, strict=True):
        assert len(before) == len(after)
        assert all(one in (char, SIGN) for char, one in zip(before, after, strict=True))
    assert [mask_texts([text], EVERY)[0] for text in texts] == masked


def test_whatever_is_stored_of_a_post_is_masked() -> None:
    origin = Origin("june.csv", "", "line 1", "table")
    number = "+963 944 123 456"
    post = Post(
        post_id="x:g:1",
        source="s",
        platform="x",
        group_id="g",
        group_name=f"group {number}",
        text=number,
        media=(f"{number}.jpg",),
        extra={"links": [{"url": "https://t.me/omar", "n": 3}], "note": number, "none": None},
        origin=origin,
    )
    plain = Post(post_id="x:g:2", source="s", platform="x", group_id="g", text="حماة", origin=origin)
    hidden, same = mask_posts([post, plain], EVERY)
    assert "944" not in str(hidden)
    assert "omar" not in str(hidden)
    assert hidden.extra["links"][0]["n"] == 3
    assert same == plain
    assert mask_posts([post], ()) == [post]
