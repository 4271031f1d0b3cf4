"""Spreadsheets, parquet files and JSON documents, by usual names or a mapping."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reader_builders import export_of, items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import choose
from pipeline.records import Reason

LONG = 1745463728192837465  # an id of X


def cell(value: object) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86_400
        return f'<c s="1"><v>{days!r}</v></c>'
    return "<c/>" if value is None else f"<c><v>{value!r}</v></c>"


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    """A spreadsheet as Excel packs it, with the smallest parts that it needs."""
    names = list(sheets)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{relations}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
            + "".join(
                f'<sheet name="{name}" sheetId="{at}" r:id="rId{at}"/>' for at, name in enumerate(names, 1)
            )
            + "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}">'
            + "".join(
                f'<Relationship Id="rId{at}" Type="{relations}/worksheet" Target="worksheets/sheet{at}.xml"/>'
                for at, _ in enumerate(names, 1)
            )
            + f'<Relationship Id="rId99" Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        )
        for at, rows in enumerate(sheets.values(), 1):
            body = "".join(
                f'<row r="{number}">' + "".join(cell(value) for value in row) + "</row>"
                for number, row in enumerate(rows, 1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{at}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
            )
    return path


HEAD = ["id", "text", "date", "url", "likes"]
WHEN = datetime(2024, 1, 2, 10, 0, 30)


def test_text_ids_of_a_spreadsheet_are_exact_and_numeric_ones_flagged(tmp_path):
    path = workbook(
        tmp_path / "posts.xlsx",
        Posts=[
            HEAD,
            [str(LONG), "قصف", WHEN, "https://x.com/a/1", 7],
            [float(LONG), "قصف", WHEN, f"https://x.com/a/{LONG}", 8],
            [float(LONG), "حلب", WHEN, None, None],
            [12, "short id", WHEN, None, 1.5],
        ],
    )
    found = posts(items_of(path, zone="Asia/Damascus"))
    assert [post.native_id for post in found] == [str(LONG), f"https://x.com/a/{LONG}", None, "12"]
    assert [post.extra.get("id_precision_lost") for post in found] == [
        None,
        "1.74546372819284e+18",
        "1.74546372819284e+18",
        None,
    ]
    assert found[0].posted_at == datetime(2024, 1, 2, 7, 0, 30, tzinfo=UTC)
    assert [post.extra.get("likes") for post in found] == ["7", "8", None, "1.5"]
    assert found[2].post_id.startswith("other:s:h:")


def test_every_sheet_with_the_columns_is_read(tmp_path):
    path = workbook(
        tmp_path / "posts.xlsx",
        First=[["Report of the week"], [], HEAD, ["1", "a", WHEN], [], ["2", "b", "2024-01-03 10:00"]],
        Notes=[["what", "why"], ["x", "y"]],
        Empty=[],
        Second=[["النص", "التاريخ"], ["حلب", "2024-01-02"], ["حماة", 45293.5], ["حمص", None]],
    )
    items = items_of(path)
    assert [post.text for post in posts(items)] == ["a", "b", "حلب", "حماة"]
    assert [item.what for item in nonposts(items)] == ["sheet 'Notes' without columns for text and time"]
    assert [item.reason for item in rejections(items)] == [Reason.NO_TIME]
    assert posts(items)[3].posted_local == datetime(2024, 1, 2, 12)
    assert posts(items)[3].extra["repaired"] == ["excel_serial"]
    assert [post.origin.locator for post in posts(items)][:2] == ["sheet First, row 4", "sheet First, row 6"]
    assert json.loads(source_bytes(path, posts(items)[1]))[:2] == ["2", "b"]
    assert json.loads(source_bytes(path, rejections(items)[0]))[0] == "حمص"


def test_midnight_among_times_is_a_time(tmp_path):
    path = workbook(tmp_path / "x.xlsx", S=[HEAD, ["1", "a", datetime(2024, 1, 2)], ["2", "b", WHEN]])
    assert [post.time_precision for post in posts(items_of(path))] == ["second", "second"]
    path = workbook(tmp_path / "y.xlsx", S=[HEAD, ["1", "a", datetime(2024, 1, 2)]])
    assert [post.time_precision for post in posts(items_of(path))] == ["day"]


def test_a_spreadsheet_by_mapping(tmp_path):
    path = workbook(tmp_path / "x.xlsx", S=[["when", "what"], [WHEN, "قصف"]])
    (post,) = posts(items_of(path, columns={"text": "what", "posted_at": "when"}))
    assert (post.text, post.posted_local) == ("قصف", WHEN)
    with pytest.raises(ExportError, match=r"x\.xlsx: which columns hold text and time.*'when', 'what'"):
        items_of(path)
    with pytest.raises(ExportError, match="'whom' is not in the head"):
        items_of(path, "spreadsheet", columns={"text": "whom", "posted_at": "when"})


def test_a_spoiled_spreadsheet_is_told(tmp_path):
    whole = workbook(tmp_path / "x.xlsx", S=[HEAD, ["1", "a", WHEN]]).read_bytes()
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExportError, match=r"cut\.xlsx"):
        items_of(cut, "spreadsheet")


def test_a_spreadsheet_that_unpacks_too_far_is_refused(tmp_path):
    path = workbook(tmp_path / "x.xlsx", S=[HEAD])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * (80 << 20))
    with pytest.raises(ExportError, match="archive_ratio"):
        items_of(path, "spreadsheet")


@pytest.fixture
def parquet(tmp_path):
    def written(name: str = "posts.parquet", **columns: object) -> Path:
        path = tmp_path / name
        pq.write_table(pa.table(columns), path, row_group_size=2)
        return path

    return written


def test_a_parquet_file(parquet):
    path = parquet(
        id=pa.array([LONG, LONG + 1, 3], pa.int64()),
        text=["قصف", "حلب", None],
        created_at=pa.array([WHEN] * 3, pa.timestamp("ns", "UTC")),
        tags=[["a"], [], None],
        place=pa.array([{"lat": 1.5}, None, None]),
        kind=pa.array(["post", "post", "comment"]).dictionary_encode(),
    )
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == [str(LONG), str(LONG + 1)]
    assert posts(items)[0].posted_at == WHEN.replace(tzinfo=UTC)
    assert posts(items)[0].extra == {"tags": ["a"], "place": {"lat": 1.5}, "kind": "post"}
    assert [item.reason for item in rejections(items)] == [Reason.NO_TEXT]
    assert json.loads(source_bytes(path, items[2]))["id"] == 3
    assert items[2].origin.locator == "record 3"


def test_ids_that_pandas_has_made_into_floats_are_flagged(parquet):
    path = parquet(id=[float(LONG), float("nan")], text=["a", "b"], date=["2024-01-02", "2024-01-03"])
    items = items_of(path)
    (post,) = posts(items)
    assert post.extra["id_precision_lost"] == "1.74546372819284e+18"
    assert [item.reason for item in rejections(items)] == [Reason.NO_ID]


def test_a_parquet_file_by_mapping_and_broken(parquet, tmp_path):
    path = parquet(what=["قصف"], when=pa.array([WHEN], pa.timestamp("us")))
    (post,) = posts(items_of(path, columns={"text": "what", "posted_at": "when"}))
    assert (post.posted_local, post.zone_source) == (WHEN, "unknown")
    with pytest.raises(ExportError, match="which columns hold text and time"):
        items_of(path)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ExportError, match="no parquet file that can be read"):
        items_of(cut, "parquet")


@pytest.mark.parametrize("kind", ["spreadsheet", "parquet"])
def test_spoiled_bytes_give_items_or_an_export_error(tmp_path, parquet, kind):
    if kind == "parquet":
        path = parquet(id=[1, 2], text=["قصف", "حلب"], date=["2024-01-02", "2024-01-03"])
    else:
        path = workbook(tmp_path / "x.xlsx", S=[HEAD, ["1", "قصف", WHEN], ["2", "حلب", WHEN]])
    whole, random = path.read_bytes(), Random(5)
    read = refused = 0
    for turn in range(60):
        spoiled = bytearray(whole)
        for _ in range(random.choice([1, 3, 20])):
            spoiled[random.randrange(len(spoiled))] = random.randrange(256)
        path.write_bytes(spoiled[: random.randrange(len(spoiled))] if turn % 5 == 0 else spoiled)
        try:
            read += bool(items_of(path, kind))
        except ExportError:
            refused += 1
    assert read > 0
    assert refused > 30  # the checksums of both formats find most


def test_text_in_parquet_that_is_no_utf8(tmp_path):
    text = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": text, "date": ["2024-01-02", "2024-01-03"]}), path)
    assert [post.text for post in posts(items_of(path))] == ["ok", "\ufffd\ufffd"]


RECORDS = [
    {"id": "1", "text": "قصف", "date": "2024-01-02T10:00:00Z", "entities": [{"text": "x", "date": 1}]},
    {"id": "2", "text": "حلب ]}", "date": "2024-01-02T10:00:00Z", "user": {"id": 5, "name": "A"}},
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2, ensure_ascii=False),
        json.dumps({"exported": "today", "count": 2, "items": RECORDS}),
        json.dumps({"meta": [{"a": 1}], "data": {"posts": RECORDS}}, indent=4),
        json.dumps({"items": RECORDS, "tail": {"x": [1, 2]}}, ensure_ascii=False),
        "[\n" + ",\n".join(json.dumps(record) for record in RECORDS) + "\n]\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_documents_with_a_list(tmp_path, text, encoding):
    path = tmp_path / "dump.json"
    path.write_bytes(text.encode(encoding))
    assert choose(export_of(path)).name == "json"
    items = items_of(path)
    assert [post.text for post in posts(items)] == ["قصف", "حلب ]}"]
    assert len(items) == 2
    for item, record in zip(items, RECORDS, strict=True):
        raw = source_bytes(path, item)
        assert (
            json.loads(
                raw.decode(
                    "utf-16"
                    if encoding == "utf-16" and raw[:2] in {b"\xff\xfe"}
                    else "utf-16-le"
                    if encoding == "utf-16"
                    else "utf-8"
                )
            )
            == record
        )


def test_a_document_with_damage(tmp_path):
    path = tmp_path / "dump.json"
    path.write_text(
        '{"posts": [{"id": 1, "text": "a", "date": 1704189600}, 7, {"id": 2, "text": "b", "date": nope}, '
        '{"id": 3, "text": "c", "date": 1704189600}, {"id": 4, "text": "d',
        encoding="utf-8",
    )
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["1", "3"]
    reasons = [item.reason for item in rejections(items)]
    assert reasons == [Reason.STRAY_TEXT, Reason.BAD_JSON, Reason.TRUNCATED]


def test_documents_by_mapping(tmp_path):
    path = tmp_path / "dump.json"
    path.write_text('{"rows": [{"t": {"body": "قصف"}, "when": "2024-01-02 10:00"}]}', encoding="utf-8")
    (post,) = posts(items_of(path, columns={"text": "t.body", "posted_at": "when"}, reader="json"))
    assert post.text == "قصف"
    with pytest.raises(ExportError, match=r"dump\.json"):
        items_of(path)


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", "[]", '{"posts": "x"}', "[[1]]", "nothing"])
def test_what_is_no_document_of_posts(tmp_path, text):
    path = tmp_path / "dump.json"
    path.write_text(text)
    with pytest.raises(ExportError, match=r"dump\.json"):
        items_of(path)


def test_names_in_other_letter_cases(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"ID": 7, "Text": "قصف", "createdAt": 1704189600, "Sender Name": "A"}\n', encoding="utf-8"
    )
    (post,) = posts(items_of(path))
    assert (post.native_id, post.text, post.author_name) == ("7", "قصف", "A")


def test_a_tab_separated_table(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text(
        "AuthorID\tAuthor\tDate\tContent\n5\tA\t2024-01-02T10:00:00Z\tقصف, هنا\n", encoding="utf-8"
    )
    (post,) = posts(items_of(path))
    assert (post.author_id, post.author_name, post.text) == ("5", "A", "قصف, هنا")


def test_a_bracket_too_many_does_not_end_the_list(tmp_path):
    path = tmp_path / "dump.json"
    record = '{"id": %d, "text": "a", "date": 1704189600}'
    path.write_text(f'{{"posts": [{record % 1}}}, {record % 2}, {record % 3}]}}')
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["1", "2", "3"]
    assert [item.reason for item in rejections(items)] == [Reason.STRAY_TEXT]
