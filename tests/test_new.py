"""`marsad new`: from files in an unknown format to a source in config.yaml, and to rows."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_builders import chat, exported, message
from terminal import at_terminal
from test_cli import Shell, shell  # noqa: F401  a fixture

from pipeline.config import add_source, load, with_source
from pipeline.errors import ConfigError, ExportError
from pipeline.jobs.inspect import export_of
from pipeline.jobs.propose import OrderOpenError, Proposal, block, look, patterns, quoted
from pipeline.readers import Reading
from pipeline.readers.guessing import guess

TEXTS = [
    "قصف مدفعي على أطراف بلدة كفرنبودة في ريف حماة الشمالي",
    "Clashes near Saraqib continued into the evening",
    "انفجار عبوة ناسفة قرب دوار الصناعة بمدينة اعزاز",
    "غارات جوية على خان شيخون وكفرزيتا صباح اليوم",
    "Displaced families arrived in Sarmada last night",
    "سقوط قذائف على أحياء حلب الغربية",
]
TIMES = [datetime(2018, 3, 1, 8, 15) + timedelta(hours=31 * number) for number in range(18)]


def rows(form: str) -> list[tuple[int, str, str]]:
    return [(n, f"{TEXTS[n % 6]} {n}", time.strftime(form)) for n, time in enumerate(TIMES)]


def written(path: Path, head: list[str], lines: list[list[object]], **more: str) -> Path:
    with path.open("w", newline="", encoding=more.pop("encoding", "utf-8")) as file:
        writer = csv.writer(file, **more)
        writer.writerow(head)
        writer.writerows(lines)
    return path


def german(folder: Path) -> Path:
    lines = [[n, f"u{n % 3}", text, time] for n, text, time in rows("%H:%M:%S %d.%m.%Y")]
    return written(folder / "x.csv", ["Nr", "Wer", "Was", "Wann"], lines, delimiter=";")


def crawled(folder: Path) -> Path:
    lines = [["2020-01-01 00:00", f"n{n % 3}", text, time, n] for n, text, time in rows("%Y-%m-%dT%H:%M:%S")]
    return written(folder / "x.csv", ["scraped_at", "poster_nick", "msg_body", "post_dt", "likes"], lines)


def arabic(folder: Path) -> Path:
    lines = [[n, f"أبو {n % 3}", text, time] for n, text, time in rows("%d/%m/%Y %H:%M")]
    return written(
        folder / "x.tsv",
        ["م", "المرسل", "نص المنشور الكامل", "تاريخ الارسال"],
        lines,
        delimiter="\t",
        encoding="windows-1256",
    )


def parted(folder: Path) -> Path:
    lines = [[time[:10], time[11:], f"@h{n % 3}", text] for n, text, time in rows("%Y-%m-%d %H:%M")]
    return written(folder / "x.csv", ["Day", "Hour", "User handle", "Statement"], lines)


def milliseconds(folder: Path) -> Path:
    lines = [[text, n, int(TIMES[n].timestamp() * 1000)] for n, text, _ in rows("")]
    return written(folder / "x.csv", ["content_en", "uid", "ts_ms"], lines)


def nested(folder: Path) -> Path:
    path = folder / "x.jsonl"
    lines = [
        {
            "crawl": {"at": "2020-05-05T00:00:00Z"},
            "payload": {"status_text": text, "when": time},
            "usr": {"nick": f"n{n % 3}"},
        }
        for n, text, time in rows("%Y-%m-%dT%H:%M:%S+02:00")
    ]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def listed(folder: Path) -> Path:
    path = folder / "x.json"
    items = [
        {"_id": f"i{n}", "msgText": text, "sentOn": int(TIMES[n].timestamp())} for n, text, _ in rows("")
    ]
    path.write_text(json.dumps({"export": {"v": 1}, "items": items}), encoding="utf-8")
    return path


def sheet(folder: Path) -> Path:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(folder / "x.xlsx"))
    page = book.add_worksheet("Posts")
    page.write(0, 0, "Monitoring, March 2018")
    page.write_row(2, 0, ["Ref", "Reported by", "Details of incident", "Date and time"])
    form = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for n, text, _ in rows(""):
        page.write_row(3 + n, 0, [f"R-{n}", f"obs {n % 3}", text])
        page.write_datetime(3 + n, 3, TIMES[n], form)
    book.close()
    return folder / "x.xlsx"


def parquet(folder: Path) -> Path:
    import pandas as pd

    texts = [text for _, text, _ in rows("")]
    table = pd.DataFrame({"k": range(18), "note_text": texts, "at": TIMES, "who": ["x", "y", "z"] * 6})
    table.to_parquet(folder / "x.parquet")
    return folder / "x.parquet"


UNKNOWN = {
    german: ("table", {"text": "Was", "posted_at": "Wann"}),
    crawled: ("table", {"text": "msg_body", "posted_at": "post_dt", "author_name": "poster_nick"}),
    arabic: ("table", {"text": "نص المنشور الكامل", "posted_at": "تاريخ الارسال", "author_name": "المرسل"}),
    parted: ("table", {"text": "Statement", "posted_date": "Day", "posted_time": "Hour", "author_name": "User handle"}),
    milliseconds: ("table", {"text": "content_en", "posted_at": "ts_ms"}),
    nested: ("jsonl", {"text": "payload.status_text", "posted_at": "payload.when", "author_name": "usr.nick"}),
    listed: ("json", {"text": "msgText", "posted_at": "sentOn", "id": "_id"}),
    sheet: ("spreadsheet", {"text": "Details of incident", "posted_at": "Date and time"}),
    parquet: ("parquet", {"text": "note_text", "posted_at": "at"}),
}  # fmt: skip


@pytest.mark.parametrize("made", UNKNOWN, ids=lambda made: made.__name__)
def test_an_unknown_table_is_read_by_what_stands_in_it(made, tmp_path):
    path = made(tmp_path)
    found = look([path], Reading(source="x", day_order="dmy"))
    reader, columns = UNKNOWN[made]
    assert (found.reader, dict(found.reading.columns)) == (reader, columns)
    assert (found.posts, found.rejected) == (18, 0)
    local = TIMES[0] if made is not nested else datetime(2018, 3, 1, 8, 15) - timedelta(hours=2)
    assert made is milliseconds or made is listed or found.inspections[0].first == local


NO_POSTS = {
    "numbers": "a,b,c\n" + "".join(f"{n},{n * 2},{n * 3}\n" for n in range(20)),
    "no times": "name,notes\n" + "".join(f"n{n},some words that say {n}\n" for n in range(20)),
    "no words": "id,date\n" + "".join(f"{n},2018-03-{n + 1:02} 10:00\n" for n in range(20)),
    "one column": "text\n" + "some words in a line\n" * 20,
    "prices": "shop,price,since\n" + "".join(f"s{n},1{n}.50,2018\n" for n in range(20)),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_POSTS)
def test_a_table_without_posts_is_none(name, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(NO_POSTS[name])
    assert guess(export_of(path), Reading(source="x")) is None
    with pytest.raises(ExportError):
        look([path], Reading(source="x"))


def test_day_or_month_first_is_asked_for(tmp_path):
    path = arabic(tmp_path)
    short = path.read_text("windows-1256").splitlines()[:6]  # 1 to 6 March: nothing decides
    path.write_text("\n".join(short), "windows-1256")
    with pytest.raises(OrderOpenError, match="day/month or month/day"):
        look([path], Reading(source="x"))
    assert look([path], Reading(source="x", day_order="dmy")).inspections[0].first == TIMES[0]


def test_zones_that_fit_the_clocks_of_an_export(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(
        exported(chat([message(number, f"قصف {number}") for number in range(6)])), encoding="utf-8"
    )
    found = look([path], Reading(source="x")).zones
    assert "Africa/Cairo" in found
    assert "Asia/Damascus" not in found  # on UTC+3 since 2022
    assert look([nested(tmp_path)], Reading(source="x")).zones  # offsets tell as well
    assert look([crawled(tmp_path)], Reading(source="x")).zones == ()


# The text of config.yaml


BLOCK = block(
    Proposal(
        name="new_one",
        files=("exports/x.csv",),
        zone="Asia/Damascus",
        columns={"text": "نص: x", "posted_at": "t"},
    )
)
CONFIGS = {
    "plain": "sources:\n  - name: a\n    files: a.json\n",
    "no indentation": "sources:\n- name: a\n  files: a.json\n",
    "deep": "sources:\n      -   name: a\n          files: a.json\n",
    "no line feed at the end": "sources:\n  - name: a\n    files: a.json",
    "keys behind": "sources:\n  - name: a\n    files: a.json\n\n# what else\ndataset: out  # here\n",
    "comments": "# head\nsources:  # all of them\n  # first\n  - name: a  # x\n    files: a.json\n    # zone: Asia/Damascus\n\n# the end\n",
    "several with blank lines": "sources:\n  - name: a\n    files: a.json\n\n  # b\n  - name: b\n    files: [b.json,\n      c.json]\n",
    "several without": "sources:\n  - name: a\n    files: a.json\n  - {name: b, files: b.json}\ndataset: out\n",
    "windows": "dataset: out\r\nsources:\r\n  - name: a\r\n    files: a.json\r\n\r\nengine: {kind: serial}\r\n",
    "mark": "\ufeffsources:\n  - name: a\n    files: a.json\n",
    "block of text": "sources:\n  - name: a\n    files: a.json\n    platform: >-\n      tele\n      gram\n\n\ndataset: out\n",
    "nested at the end": "sources:\n  - name: a\n    files:\n      - a.json\n      - b.json\n    expect:\n      min_posts: 3\n",
    "empty value at the end": "sources:\n  - name: a\n    files: a.json\n    zone:\n",
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_a_source_is_put_in_and_every_other_byte_stays(name, tmp_path):
    path = tmp_path / "config.yaml"
    before = CONFIGS[name].encode()
    path.write_bytes(before)
    path.chmod(0o640)
    old = load(path)
    config = add_source(path, BLOCK)
    after = path.read_bytes()
    assert load(path).model_dump() == config.model_dump()
    assert config.sources[:-1] == old.sources
    assert (config.sources[-1].name, config.sources[-1].columns["text"]) == ("new_one", "نص: x")
    assert config.model_copy(update={"sources": old.sources}).model_dump() == old.model_dump()
    kept = [line for line in after.splitlines(keepends=True) if line.strip()]
    put_in = [line.strip().encode() for line in BLOCK.splitlines()]
    rest = [line for line in kept if line.strip() not in put_in]
    assert [line.rstrip(b"\r\n") for line in rest] == [
        line.rstrip(b"\r\n") for line in before.splitlines() if line.strip()
    ]
    assert b"".join(rest).rstrip() in (
        before.rstrip(),
        b"".join(line for line in before.splitlines(keepends=True) if line.strip()).rstrip(),
    )
    assert (b"\r\n" in after, b"\n" in after.replace(b"\r\n", b"")) == (
        b"\r\n" in before,
        b"\r\n" not in before,
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    "text", ["sources: [{name: a, files: a.json}]\n", "{sources: [{name: a, files: a}]}\n"]
)
def test_what_cannot_be_put_in_is_shown_instead(text, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="new_one"):
        add_source(path, BLOCK)
    assert path.read_text() == text


def test_a_block_that_would_change_others_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("sources:\n  - name: a\n    files: a.json\n")
    for wrong in (
        "- name: a\n  files: x",
        "- name: b\n  files: x\n- name: c\n  files: x",
        "- name: b\n  fiels: x",
    ):
        with pytest.raises(ConfigError):
            with_source(path, wrong)


def test_without_a_configuration_one_is_begun(tmp_path):
    config = add_source(tmp_path / "config.yaml", BLOCK)
    assert [source.name for source in config.sources] == ["new_one"]
    assert config.dataset == tmp_path / "data"


@given(st.text(min_size=1, max_size=30))
def test_a_quoted_text_means_itself(text):
    from pipeline.config.yaml_tree import Tree

    text = text.encode("utf-8", "replace").decode()
    assert Tree(f"a: {quoted(text)}\n").data == {"a": text}


def test_patterns_find_the_files_and_no_others(tmp_path):
    (tmp_path / "exports").mkdir()
    names = ["a.json", "b.json", "c[1].txt"]
    paths = [tmp_path / "exports" / name for name in names]
    for path in paths:
        path.write_text("x")
    assert patterns(paths[:2], tmp_path) == ("exports/*.json",)
    assert patterns(paths[:1], tmp_path) == ("exports/a.json",)
    (found,) = patterns(paths[2:], tmp_path)
    assert list(tmp_path.glob(found)) == paths[2:]
    assert patterns(paths[:1], tmp_path / "elsewhere") == (str(paths[0]),)


# The command


def test_from_an_unknown_file_to_rows_without_a_question(shell: Shell):  # noqa: F811
    german(shell.folder)
    before = (shell.folder / "config.yaml").read_text()
    code, out, err = shell.call("new", "north", "x.csv", "--dry-run")
    assert (code, "name: north" in out) == (0, True)
    assert (shell.folder / "config.yaml").read_text() == before
    code, out, err = shell.call("new", "north", "x.csv")
    assert (code, "--yes" in err) == (2, True)
    code, out, err = shell.call("new", "north", "x.csv", "--yes", "--schedule", "never")
    assert code == 0, err
    assert "marsad run north" in err
    assert "places name one there" in err
    code, out, err = shell.call("run", "north", "--json")
    (source,) = json.loads(out)["sources"]
    assert (code, source["posts"], source["books"]["rejected"]) == (0, 18, 0)
    for wrong, told in [("north", "already"), ("NORTH", "already"), ("no rth", "not a source name")]:
        code, out, err = shell.call("new", wrong, "x.csv", "--yes")
        assert (code, told in err) == (2, True)
    code, _, err = shell.call("new", "south", "x.csv", "--yes", "--config", "other.yaml")
    assert code == 0, err
    assert [source.name for source in load(shell.folder / "other.yaml").sources] == ["south"]
    assert "marsad run south --config other.yaml" in err
    code, out, err = shell.call("new", "south", "y.csv", "--yes")
    assert (code, "no such file" in err) == (2, True)


def test_what_is_asked_on_a_terminal(shell: Shell):  # noqa: F811
    arabic(shell.folder)
    short = (shell.folder / "x.tsv").read_text("windows-1256").splitlines()[:6]
    (shell.folder / "x.tsv").write_text("\n".join(short), "windows-1256")
    environment = shell.environment | {"LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"}
    environment.pop("LC_ALL", None)
    answers = [
        ("dmy or mdy", "dmy"),
        ("right columns", "y"),
        ("Country of the group", "SY/Hama"),
        ("Time zone", "Asia/Damascsu"),
        ("did you mean 'Asia/Damascus'", "Asia/Damascus"),
        ("How often", "hourly"),
        ("What stands for authors", "drop"),
        ("Add it to", "y"),
    ]
    code, screen = at_terminal(["new", "forum", "x.tsv"], shell.folder, environment, answers)
    assert code == 0, screen
    source = load(shell.folder / "config.yaml").sources[-1]
    assert (source.name, source.zone, source.home, source.authors) == (
        "forum",
        "Asia/Damascus",
        ("SY/Hama",),
        "drop",
    )
    assert (source.schedule, source.day_order, source.columns["text"]) == (
        "0 * * * *",
        "dmy",
        "نص المنشور الكامل",
    )
    code, screen = at_terminal(
        ["new", "again", "x.tsv"],
        shell.folder,
        environment,
        [*answers[:3], ("Time zone", "UTC"), *answers[5:7], ("Add it to", "n")],
    )
    assert code == 1
    assert len(load(shell.folder / "config.yaml").sources) == 2
