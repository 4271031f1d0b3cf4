"""A thousand planted identifiers, over all kinds of exports that the tests can write: none comes out anywhere.

Where something has to hold them it is said here: the raw rows of the quarantine hold the names of authors
(never their numbers, handles and addresses, where these are masked), and the exports themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import reader_builders as telegram
import telegram_pages
import test_readers_discord as discord
import test_readers_reddit as reddit
import test_readers_sheets as sheets
import test_readers_telegram_api as telethon
import test_readers_wordpress as wordpress
import test_readers_x as x
import test_readers_youtube as youtube
from msgspec import Struct

from pipeline.storage.dataset import Dataset
from pipeline.storage.trace import tables

EACH = 20  # posts of each kind of export
GUARD = """
import os, socket
def refuse(*args, **kwargs):
    with open(os.environ["GUARD_LOG"], "a") as log:
        log.write("asked\\n")
    raise OSError("no network in this test")
class Guarded(socket.socket):
    def __init__(self, family=-1, *rest, **more):
        if family != socket.AF_UNIX and more.get("fileno") is None and not (len(rest) > 2 and rest[2] is not None):
            refuse()
        super().__init__(family, *rest, **more)
socket.socket = Guarded
socket.create_connection = socket.getaddrinfo = refuse
"""


class Person(Struct, frozen=True):
    """Four identifiers, each told from all others by its number."""

    number: int

    @property
    def name(self) -> str:
        return f"Zzq{self.number:04}Person"

    @property
    def own_id(self) -> str:
        return f"77{self.number:04}31337"

    @property
    def phone(self) -> str:
        return f"+963 944 {self.number // 1000:03} {self.number % 1000:03}"

    @property
    def text(self) -> str:
        return (
            f"قصف أمس على مدينة حماة {self.number % 7} للتواصل {self.phone} أو @zqh{self.number:04}x "
            f"أو zqm{self.number:04}x@example.org أو https://t.me/zqt{self.number:04}x"
        )


HIDDEN = re.compile(rb"zq[hmt]\d{4}x|963 ?944 ?\d{3} ?\d{3}", re.IGNORECASE)  # numbers, handles, addresses
AUTHOR = re.compile(rb"zzq\d{4}|77\d{4}31337", re.IGNORECASE)


def exports(folder: Path) -> tuple[dict[str, str], list[Person]]:
    """One export of each kind: the source's lines for the configuration, and everybody who is in it."""
    people = iter(Person(number) for number in range(10_000))
    taken: list[Person] = []

    def some() -> Iterator[Person]:
        for _ in range(EACH):
            taken.append(next(people))
            yield taken[-1]

    def write(name: str, content: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    write("telegram_json/result.json", telegram.exported(telegram.chat([
        telegram.message(p.number, p.text, **{"from": p.name, "from_id": f"user{p.own_id}", "forwarded_from": p.name})
        for p in some()
    ] + [{"id": 9999, "type": "message", "from": taken[-1].name, "text": taken[-1].text}])))  # fmt: skip
    write("telegram_html/messages.html", telegram_pages.page("".join(
        telegram_pages.post(p.number, p.text, author=p.name, signature=p.name) for p in some()
    )))  # fmt: skip
    write("whatsapp/chat.txt", "".join(
        f"05/03/2014, 12:{p.number % 60:02} - {p.name if p.number % 2 else p.phone}: {p.text}\n" for p in some()
    ))  # fmt: skip
    head = "id;when;who;text;Phone;Email\n"
    rows = [
        f"{p.number};2014-03-05 12:00;{p.name};{p.text};{p.phone};zqm{p.number:04}x@example.org\n"
        for p in some()
    ]
    write("table/a.csv", head + "".join(rows) + f"short row;{taken[-1].name}\n")
    write("jsonl/a.jsonl", "".join(
        json.dumps({"id": p.number, "text": p.text, "at": "2014-03-05T12:00:00", "user": p.name, "first_name": p.name,
                    "note": f"call {p.phone}"}) + "\n" for p in some()
    ) + '{"id": 5, "text": "' + taken[-1].text + "\n")  # fmt: skip
    write("reddit/RC_2016-01", "".join(
        json.dumps(reddit.comment(p.number, author=p.name, author_fullname=f"t2_{p.own_id}", body=p.text)) + "\n"
        for p in some()
    ))  # fmt: skip
    write("discord/a.json", json.dumps(discord.document(*(
        discord.message(p.number, content=p.text, author=discord.AUTHOR | {"id": p.own_id, "name": p.name, "nickname": p.name})
        for p in some()
    ))))  # fmt: skip
    write("youtube/x.info.json", json.dumps(youtube.video(*(
        youtube.comment(f"Ug{p.number}", text=p.text, author=f"@{p.name}", author_id=f"UC{p.own_id}") for p in some()
    ))))  # fmt: skip
    write("twarc/a.jsonl", x.lines(*(
        x.status(1000 + p.number, full_text=p.text,
                 user={"id": int(p.own_id), "id_str": p.own_id, "name": p.name, "screen_name": p.name.lower()})
        for p in some()
    )))  # fmt: skip
    write("wxr/a.xml", wordpress.wxr(wordpress.item(5, comments="".join(
        wordpress.comment(p.number, f"<![CDATA[{p.text}]]>", comment_author=p.name,
                          comment_author_email=f"zqm{p.number:04}x@example.org") for p in some()
    ))))  # fmt: skip
    write("telethon/a.json", json.dumps([
        telethon.telethon(p.number, message=p.text, from_id={"_": "PeerUser", "user_id": int(p.own_id)}, post_author=p.name)
        for p in some()
    ]))  # fmt: skip
    (folder / "sheets").mkdir()
    sheet = [["id", "when", "who", "text"], *([p.number, "2014-03-05 12:00", p.name, p.text] for p in some())]
    sheets.workbook(folder / "sheets" / "a.xlsx", one=sheet)
    (folder / "parquet").mkdir()
    columns = [
        {"id": str(p.number), "when": "2014-03-05 12:00", "who": p.name, "text": p.text} for p in some()
    ]
    pq.write_table(pa.Table.from_pylist(columns), folder / "parquet" / "a.parquet")
    mapped = ", columns: {id: id, posted_at: when, author_name: who, text: text}, platform: forum"
    more = dict.fromkeys((path.name for path in folder.iterdir() if path.is_dir()), "")
    more |= dict.fromkeys(("table", "sheets", "parquet"), mapped)
    more["table"] += ', delimiter: ";", reader: table'
    more["jsonl"] = ", reader: jsonl, columns: {id: id, text: text, posted_at: at, author_name: user}"
    more["whatsapp"] = ", day_order: dmy"
    return more, taken


class Done(Struct):
    """A whole run of the program over the planted exports."""

    folder: Path
    people: list[Person]
    told: str  # stdout and stderr
    asked: str  # of the network

    def files(self) -> dict[Path, bytes]:
        """Everything on disk but the exports and the configuration."""
        places = ("data", "secret", "tmp", "metrics.txt")
        found = [path for name in places for path in [self.folder / name, *(self.folder / name).rglob("*")]]
        return {path: path.read_bytes() for path in found if path.is_file()}

    def rows(self, table: str) -> list[dict[str, Any]]:
        current = Dataset(self.folder / "data").current()
        assert current is not None
        return [
            row for path in current.files(table) for rows in tables(path, None) for row in rows.to_pylist()
        ]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, cache: Path, toolkit: object, root: Path) -> Done:
    folder = tmp_path_factory.mktemp("canary")
    more, people = exports(folder / "exports")
    mask = "mask: [phones, handles, emails], zone: Asia/Damascus, expect: {max_rejected: 1}"
    sources = "".join(
        f"  - {{name: {name}, files: 'exports/{name}/*', {mask}{how}}}\n"
        for name, how in sorted(more.items())
    )
    text = f"metrics: metrics.txt\nengine: {{kind: processes, workers: 2}}\nsources:\n{sources}"
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    (folder / "tmp").mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder / 'guard'}:{root}",
        "GUARD_LOG": str(folder / "asked"),
        "MARSAD_CACHE": str(cache),
        "MARSAD_KEY_FILE": str(folder / "secret" / "key"),
        "TMPDIR": str(folder / "tmp"),
    }
    without = ["unshare", "--net"] if _can_unshare() else []
    told = ""
    for words in (["run", "--log-json"], ["rerun", "jsonl", "--json"], ["status"]):
        ran = subprocess.run(
            [*without, sys.executable, "-m", "pipeline", *words, "--config", "config.yaml"],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told += ran.stdout + ran.stderr
        if words[0] == "run":
            assert ran.returncode in {0, 3}, told
    asked = folder / "asked"
    return Done(folder, people, told, asked.read_text() if asked.exists() else "")


def _can_unshare() -> bool:
    program = shutil.which("unshare")
    return program is not None and subprocess.run([program, "--net", "true"], check=False).returncode == 0


def bytes_of(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, default=str).encode("utf-8", "replace")


def test_all_of_them_were_read(done: Done) -> None:
    """A canary that was never in the mine says nothing."""
    planted = b"".join(
        path.read_bytes()
        for path in (done.folder / "exports").rglob("*")
        if path.is_file() and path.suffix not in {".xlsx", ".parquet"}
    )
    assert len(set(HIDDEN.findall(planted)) | set(AUTHOR.findall(planted))) >= 1000
    per_source: dict[str, int] = {}
    for row in done.rows("posts"):
        per_source[row["source"]] = per_source.get(row["source"], 0) + 1
    assert {name: count for name, count in per_source.items() if count < EACH} == {}
    assert len(per_source) == 13
    assert len({row["author_key"] for row in done.rows("posts")}) > 200
    assert sum("حماة" in row["text"] for row in done.rows("posts")) >= len(done.people)
    assert len(done.rows("rejected")) >= 3


@pytest.mark.parametrize("table", ["posts", "places", "dates"])
def test_no_table_holds_one(done: Done, table: str) -> None:
    content = bytes_of(done.rows(table))
    assert (HIDDEN.findall(content), AUTHOR.findall(content)) == ([], [])


def test_the_quarantine_holds_names_and_nothing_else(done: Done) -> None:
    content = bytes_of(done.rows("rejected"))
    assert HIDDEN.findall(content) == []
    assert AUTHOR.findall(content)  # raw rows are for mending exports


def test_no_file_holds_one(done: Done) -> None:
    """Ledger, manifests, metrics, keys, temporary files, and the raw bytes of the tables."""
    files = done.files()
    assert {"runs.jsonl", "metrics.txt", "key", "manifest.json"} <= {path.name for path in files}
    for path, content in files.items():
        if path.parent.name != "rejected":
            assert (HIDDEN.findall(content), AUTHOR.findall(content)) == ([], []), path


def test_nothing_that_is_said_holds_one(done: Done) -> None:
    assert "jsonl" in done.told
    content = done.told.encode()
    assert (HIDDEN.findall(content), AUTHOR.findall(content)) == ([], [])


def test_nobody_asked_the_network(done: Done) -> None:
    assert done.asked == ""


def test_what_a_killed_run_leaves_holds_none(done: Done, tmp_path: Path, cache: Path) -> None:
    """The work of a run that dies in its middle: what it had written by then was protected before."""
    shutil.copytree(done.folder / "exports", tmp_path / "exports")
    text = (
        (done.folder / "config.yaml").read_text(encoding="utf-8").replace("kind: processes", "kind: serial")
    )
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    child = os.fork()
    if child == 0:
        try:
            os.environ |= {"MARSAD_CACHE": str(cache), "MARSAD_KEY_FILE": str(tmp_path / "secret" / "key")}
            from pipeline.config import load
            from pipeline.jobs.run import Options, run

            def die(event: str, args: tuple[object, ...]) -> None:
                if event == "open" and ".stage-whatsapp/posts" in str(args[0]):
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(die)
            list(run(load(tmp_path / "config.yaml"), ["table", "whatsapp"], Options()))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    left = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and ".stage-" in str(path)]
    assert left
    for path in left:
        assert HIDDEN.findall(path.read_bytes()) == [], path
