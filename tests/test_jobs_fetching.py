"""Exports on a store: an S3 server of moto on this machine, over real HTTP."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config, load
from pipeline.errors import ConfigError, ExportError
from pipeline.jobs.check import check
from pipeline.jobs.custody import custody
from pipeline.jobs.fetching import Fetcher, export_path, listed, open_fetcher
from pipeline.jobs.inspect import source_bytes
from pipeline.jobs.run import Options, run
from pipeline.storage.frames import load as load_dataset

boto3 = pytest.importorskip("boto3")
pytest.importorskip("s3fs")
moto_server = pytest.importorskip("moto.server")

SECRET = "a-secret-that-no-file-of-ours-may-hold"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> Iterator[Any]:
    """A bucket "exports"; the way to it is in the environment only."""
    import s3fs

    told = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "MARSAD_CACHE": str(tmp_path / "cache"),
        "MARSAD_KEY_FILE": str(tmp_path / "key"),
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    (tmp_path / "cache").mkdir()
    for pack in cache.glob("gazetteer-*"):
        (tmp_path / "cache" / pack.name).symlink_to(pack)
    store = boto3.resource("s3").Bucket("exports")
    store.create()
    yield store
    store.objects.all().delete()
    store.delete()
    s3fs.S3FileSystem.clear_instance_cache()


def line(number: int, text: str = "قصف على حماة") -> str:
    return json.dumps({"id": str(number), "text": text, "published_at": "2014-03-05T10:00:00Z"})


def put(bucket: Any, key: str, *numbers: int) -> None:
    bucket.put_object(Key=key, Body="".join(line(number) + "\n" for number in numbers).encode())


def config(folder: Path, files: str = "s3://exports/north/*.jsonl", more: str = "") -> Config:
    path = folder / "config.yaml"
    path.write_text(
        f"dataset: data\nengine: {{kind: serial}}\n{more}\nsources:\n"
        f"  - {{name: north, files: '{files}', zone: Asia/Damascus}}\n"
    )
    return load(path, {})


def ids(folder: Path) -> list[str]:
    return sorted(load_dataset(folder / "data").posts(["native_id"])["native_id"])


def copies(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache" / "fetched").glob("*/*") if path.name != "note.json"]


def test_exports_of_a_store_are_taken_in(tmp_path: Path, toolkit, bucket) -> None:
    put(bucket, "north/a.jsonl", 1, 2)
    put(bucket, "north/.hidden.jsonl", 8)
    put(bucket, "south/a.jsonl", 9)
    settings = config(tmp_path)
    (first,) = run(settings)
    assert (first.state, first.error) == ("published", None)
    assert (first.files, first.books.read, first.books.written) == (1, 2, 2)
    rows = load_dataset(tmp_path / "data").posts()
    assert set(rows.file) == {"s3://exports/north/a.jsonl"}
    for copy in copies(tmp_path):
        copy.unlink()
    assert [one.state for one in run(settings)] == ["unchanged"]
    assert copies(tmp_path) == []  # to learn that nothing is new, nothing is fetched
    put(bucket, "north/b.jsonl", 2, 3)
    (second,) = run(settings)
    assert (second.state, second.files, second.books.written, second.books.duplicate) == (
        "published",
        1,
        1,
        1,
    )
    assert ids(tmp_path) == ["1", "2", "3"]
    (again,) = run(settings, options=Options(kind="rerun"))  # fetches what was cleared
    assert (again.state, again.files, again.books.read) == ("published", 2, 4)
    put(bucket, "north/a.jsonl", 1, 2, 4)
    (third,) = run(settings)
    assert (third.state, third.files) == ("published", 1)
    assert ids(tmp_path) == ["1", "2", "3", "4"]


def test_the_rows_are_those_of_the_same_files_on_disk(tmp_path: Path, toolkit, bucket) -> None:
    put(bucket, "north/a.jsonl", 1, 2, 3)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "a.jsonl").write_bytes("".join(line(n) + "\n" for n in (1, 2, 3)).encode())
    assert [one.state for one in run(config(tmp_path))] == ["published"]
    far = load_dataset(tmp_path / "data").posts()
    path = tmp_path / "config.yaml"
    path.write_text(
        path.read_text().replace("dataset: data", "dataset: near").replace("s3://exports/north", "local")
    )
    assert [one.state for one in run(load(path, {}))] == ["published"]
    near = load_dataset(tmp_path / "near").posts()
    own = ["file", "run_id"]
    assert near.drop(columns=own).equals(far.drop(columns=own))


def test_check_and_custody_speak_of_the_url(tmp_path: Path, toolkit, bucket) -> None:
    put(bucket, "north/a.jsonl", 1, 2)
    settings = config(tmp_path)
    told = next(iter(check(settings))).told
    assert told.startswith("1 files")
    assert "jsonl" in told
    assert [one.state for one in run(settings)] == ["published"]
    post_id = load_dataset(tmp_path / "data").posts(["post_id"])["post_id"][0]
    where, raw = source_bytes(settings, post_id)
    assert where.startswith("s3://exports/north/a.jsonl, ")
    assert "حماة" in json.loads(raw)["text"]
    assert custody(settings, post_id).export.state == "whole"
    put(bucket, "north/a.jsonl", 7)
    assert custody(settings, post_id).export.state == "changed"
    bucket.Object("north/a.jsonl").delete()
    assert custody(settings, post_id).export.state == "gone"


def test_an_object_that_changes_meanwhile_waits(tmp_path: Path, toolkit, bucket) -> None:
    put(bucket, "north/a.jsonl", 1, 2)
    put(bucket, "north/b.jsonl", 3)
    settings = config(tmp_path)
    fetcher = open_fetcher(settings)
    found = listed(settings, settings.sources[0])
    put(bucket, "north/a.jsonl", 1, 2, 9)
    assert fetcher.fetch(found) == {"s3://exports/north/a.jsonl"}
    assert [fetcher.known(one) is None for one in found] == [True, False]
    bucket.Object("north/b.jsonl").delete()
    fetcher.path("s3://exports/north/b.jsonl").unlink()
    assert fetcher.fetch(found[1:]) == {"s3://exports/north/b.jsonl"}
    fetcher.close()
    assert [one.state for one in run(settings)] == ["published"]
    assert ids(tmp_path) == ["1", "2", "9"]


def test_what_is_not_there_or_not_allowed_is_told(tmp_path: Path, toolkit, bucket) -> None:
    (outcome,) = run(config(tmp_path))
    assert (outcome.state, outcome.exit_code) == ("failed", 2)
    assert "nothing matches 's3://exports/north/*.jsonl'" in (outcome.error or "")
    put(bucket, "north/a.jsonl", 1)
    settings = config(tmp_path, more="remote: {cache_bytes: 1048576}")
    fetcher = Fetcher(tmp_path / "few", 10)
    with pytest.raises(ConfigError, match=r"remote\.cache_bytes is 10"):
        fetcher.fetch(listed(settings, settings.sources[0]))
    fetcher.close()
    with pytest.raises(ConfigError, match="Protocol not known"):
        listed(config(tmp_path, "nosuch://a/*"), config(tmp_path, "nosuch://a/*").sources[0])


def test_a_server_that_does_not_answer_fails_the_source_only(
    tmp_path: Path, toolkit, bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ExportError, match="cannot be listed"):
        listed(config(tmp_path), config(tmp_path).sources[0])
    s3fs.S3FileSystem.clear_instance_cache()


def test_copies_are_cleared_and_are_nobody_else_s(tmp_path: Path, bucket) -> None:
    for number in range(4):
        put(bucket, f"north/{number}.jsonl", number)
    settings = config(tmp_path)
    found = listed(settings, settings.sources[0])
    fetcher = Fetcher(tmp_path / "copies", most=sum(one.size for one in found[:2]))
    assert fetcher.fetch(found[:2]) == set()
    os.utime(fetcher.path(found[0].url), (1, 1))
    assert fetcher.fetch(found[2:3]) == set()
    assert [fetcher.path(one.url).exists() for one in found] == [False, True, True, False]
    other = Fetcher(tmp_path / "copies", most=10**9)  # while somebody else reads, nothing is cleared
    assert fetcher.fetch(found[3:]) == set()
    assert [fetcher.path(one.url).exists() for one in found] == [False, True, True, True]
    other.close()
    fetcher.close()
    assert stat.S_IMODE((tmp_path / "copies").stat().st_mode) == 0o700


def test_credentials_are_in_no_file_and_in_no_configuration(tmp_path: Path, toolkit, bucket) -> None:
    put(bucket, "north/a.jsonl", 1)
    assert [one.state for one in run(config(tmp_path))] == ["published"]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and "gazetteer" not in str(path)]
    assert written
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    with pytest.raises(ConfigError, match="holds credentials") as told:
        config(tmp_path, "ftp://user:pass@host/a.json")
    assert "pass@" not in str(told.value)


def test_any_store_of_fsspec(tmp_path: Path, toolkit, bucket) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/box/a.jsonl", (line(1) + "\n").encode())
    try:
        settings = config(tmp_path, "memory://box/*.jsonl")
        assert [one.state for one in run(settings)] == ["published"]
        assert ids(tmp_path) == ["1"]
        assert not export_path(settings, "memory://box/none.jsonl").exists()
    finally:
        memory.rm("/box", recursive=True)
