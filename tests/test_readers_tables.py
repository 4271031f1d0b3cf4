"""Tables, CrowdTangle and JSON lines: broken quotes, encodings, mappings, ids."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import items_of, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.records import Reason

COLUMNS = {"id": "id", "text": "text", "posted_at": "date", "author_name": "author"}
HEAD = "id,text,date,author\n"


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str | bytes, reader: str = "table", name: str = "export.csv", **settings):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if reader == "table":
            settings.setdefault("columns", COLUMNS)
        return items_of(path, reader, **settings)

    return reading


def row(number: object, text: str = "قصف", date: str = "2024-01-02 10:00", author: str = "A") -> str:
    return f"{number},{text},{date},{author}\n"


def test_mapped_row(read):
    (post,) = posts(
        read(HEAD.strip() + ",likes\n" + row(1).strip() + ",7\n", zone="Asia/Damascus", group="g")
    )
    assert (post.post_id, post.native_id, post.text, post.author_name) == ("other:g:1", "1", "قصف", "A")
    assert (post.posted_at, post.time_precision) == (datetime(2024, 1, 2, 7, tzinfo=UTC), "minute")
    assert post.extra == {"likes": "7"}
    assert post.origin.locator == "row 2 (line 2)"


# broken rows: the file behind the head, what ids are kept, what reasons are given
BROKEN = {
    "clean": (row(1) + row(2), "1 2", []),
    "quoted newline": (row(1, '"a\nb, ""c"""') + row(2), "1 2", []),
    "unclosed quote": (row(1) + row(2, '"open') + row(3) + row(4), "1 3 4", [Reason.BAD_ROW]),
    "unclosed quote before a quoted cell": (
        row(1, '"open') + row(2) + row(3, '"x"') + row(4),
        "2 3 4",
        [Reason.BAD_ROW],
    ),
    "unclosed quote in the last row": (row(1) + row(2, '"open'), "1", [Reason.BAD_ROW]),
    "two unclosed quotes": (row(1, '"o') + row(2) + row(3, '"o') + row(4), "2 4", [Reason.BAD_ROW] * 2),
    "every quote unclosed": (row(1, '"o') + row(2, '"o') + row(3, '"o'), "", [Reason.BAD_ROW] * 3),
    "inner quotes over two lines": (
        row(1, '"he said "no"\nand left"') + row(2),
        "2",
        [Reason.BAD_ROW, Reason.BAD_TIME],
    ),
    "quote inside a bare cell": (row(1, '5" pipe') + row(2), "1 2", []),
    "quote behind a quoted word": (row(1, '"he said "no" to me"') + row(2), "1 2", []),
    "backslash quote": (row(1, '"he said \\"no, no\\" to me"') + row(2), "1 2", []),
    "more empty cells": (row(1).strip() + ",,\n" + row(2), "1 2", []),
    "more cells": (row(1).strip() + ",x\n" + row(2), "1 2", []),
    "too few cells": ("1,short\n" + row(2), "2", [Reason.BAD_ROW]),
    "blank lines": ("\n" + row(1) + "\n\n" + row(2), "1 2", []),
    "no time": (row(1, date="") + row(2), "2", [Reason.NO_TIME]),
    "no such time": (row(1, date="2024-13-01") + row(2), "2", [Reason.BAD_TIME]),
    "no id": (row("") + row(2), "2", [Reason.NO_ID]),
    "nul": (row(1, "a\0b") + row(2), "1 2", []),
    "empty text is a text": (row(1, "") + row(2), "1 2", []),
    "carriage returns": ((row(1) + row(2)).replace("\n", "\r"), "1 2", []),
    "mixed line ends": (row(1).replace("\n", "\r\n") + row(2) + row(3).replace("\n", "\r"), "1 2 3", []),
    "no last line end": (row(1) + row(2).strip(), "1 2", []),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_rows(read, case):
    body, kept, reasons = BROKEN[case]
    items = read(HEAD + body)
    assert [post.native_id for post in posts(items)] == kept.split()
    assert [rejection.reason for rejection in rejections(items)] == reasons
    assert len(items) == len(kept.split()) + len(reasons)


def test_texts_of_repaired_rows(read):
    found = posts(read(HEAD + row(1, '"he said \\"no, no\\" to me"') + row(2, '"a\r\nb"') + row(3, "a\0b")))
    assert [post.text for post in found] == ['he said "no, no" to me', "a\r\nb", "ab"]
    assert [post.extra.get("repaired") for post in found] == [["backslash_quote"], None, ["nul"]]


def test_a_row_whose_text_may_go_on_is_refused(read):
    columns = {"id": "id", "text": "text", "posted_at": "date"}
    items = read("id,date,text\n1,2024-01-02,a, b and c\n2,2024-01-02,d\n3,2024-01-02,e,,\n", columns=columns)
    assert [post.native_id for post in posts(items)] == ["2", "3"]
    assert "quotes" in rejections(items)[0].detail


def test_a_very_long_cell(read):
    (post,) = posts(read(HEAD + row(1, "ب" * 300_000)))
    assert len(post.text) == 300_000


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1256", "iso8859_6"]
)
def test_encodings(read, encoding):
    text = "سقطت قذيفة على حي الشعار في مدينة حلب قبل قليل"
    items = read((HEAD + row(1, text) + row(2, f'"{text}\n{text}"') + row(3, text)).encode(encoding))
    assert [post.text for post in posts(items)] == [text, f"{text}\n{text}", text]
    assert posts(items)[1].origin.locator == "row 3 (lines 3-4)"


def test_arabic_far_behind_an_english_head(read):
    body = "".join(row(number, "all in English here") for number in range(9_000))
    found = posts(read((HEAD + body + row("x", "سقطت قذيفة على حي الشعار") * 5).encode("cp1256")))
    assert found[-1].text == "سقطت قذيفة على حي الشعار"


def test_one_spoiled_line_in_utf8(read):
    raw = (
        (HEAD + row(1) + "HERE\n" + row(3)).encode().replace(b"HERE", row(2, "a").strip().encode() + b"\xff")
    )
    found = posts(read(raw))
    assert [post.text for post in found] == ["قصف", "a", "قصف"]
    assert found[1].extra["repaired"] == ["encoding"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(read, delimiter):
    text = (HEAD + row(1) + row(2)).replace(",", delimiter)
    assert len(posts(read(text))) == 2
    assert len(posts(read(f"sep={delimiter}\n{text}"))) == 2


def test_delimiter_by_evidence_of_all_rows(read):
    text = "id;text;date;author\n1;a, b, c, d;2024-01-02;A\n2;e, f, g, h;2024-01-02;A\n"
    assert [post.text for post in posts(read(text))] == ["a, b, c, d", "e, f, g, h"]


def test_columns_that_are_not_there(read):
    with pytest.raises(
        ExportError, match="'Text' is not in the head; there are 'id', 'text', 'date', 'author'"
    ):
        read(HEAD + row(1), columns=COLUMNS | {"text": "Text"})
    with pytest.raises(ExportError, match="'texte' is unknown"):
        read(HEAD + row(1), columns=COLUMNS | {"texte": "text"})
    with pytest.raises(ExportError, match="must name text and posted_at"):
        read(HEAD + row(1), columns={"text": "text"})
    with pytest.raises(ExportError, match="set columns"):
        read("a,b,c\n1,2,3\n", columns={})
    with pytest.raises(ExportError, match="no head row"):
        read("", columns=COLUMNS)


def test_a_head_and_no_rows(read):
    assert read(HEAD) == []


def test_usual_names_need_no_mapping(read):
    (post,) = posts(read("ID,Created At,Text\n5,2024-01-02T10:00:00Z,a\n", "auto", columns={}))
    assert (post.native_id, post.text, post.zone_source) == ("5", "a", "offset")


def test_ids_of_a_spreadsheet_that_lost_its_digits(read):
    columns = COLUMNS | {"url": "url"}
    text = "id,text,date,author,url\n1.745463728192837E+18,a,2024-01-02,A,https://x/17\n1.74E+18,b,2024-01-02,A,\n"
    first, second = posts(read(text, columns=columns))
    assert (first.native_id, first.extra["id_precision_lost"]) == ("https://x/17", "1.745463728192837E+18")
    assert second.native_id is None
    assert second.post_id.startswith("other:s:h:")


def test_rows_without_ids_are_told_apart(read):
    columns = {"text": "text", "posted_at": "date", "author_name": "author"}
    ids = [post.post_id for post in posts(read(HEAD + row(1, "ok") * 3 + row(1, "no"), columns=columns))]
    assert len(set(ids)) == 4
    assert [one[-2:] for one in ids] == ["#1", "#2", "#3", "#1"]


def test_day_order_of_a_table_is_that_of_the_file(read):
    body = row(1, date="3/4/2025 10:00") + row(2, date="4/4/2025 10:00") + row(3, date="13/4/2025 10:00")
    assert [post.posted_local.day for post in posts(read(HEAD + body))] == [3, 4, 13]
    with pytest.raises(ExportError, match="day_order"):
        read(HEAD + row(1, date="3/4/2025 10:00"))
    (post,) = posts(read(HEAD + row(1, date="3/4/2025 10:00"), day_order="mdy"))
    assert post.posted_local == datetime(2025, 3, 4, 10)


def test_date_and_time_in_two_columns(read):
    columns = {"text": "t", "posted_date": "day", "posted_time": "hour"}
    (post,) = posts(read("t,day,hour\na,2024-01-02,10:05\n", columns=columns))
    assert (post.posted_local, post.time_precision) == (datetime(2024, 1, 2, 10, 5), "minute")


@pytest.mark.parametrize(
    ("pattern", "printed", "local"),
    [
        ("%d.%m.%Y %H:%M", "02.01.2024 10:05", datetime(2024, 1, 2, 10, 5)),
        ("epoch", "1704193200", datetime(2024, 1, 2, 11)),
        ("epoch_ms", "1704193200000", datetime(2024, 1, 2, 11)),
        ("epoch_us", "1704193200000000", datetime(2024, 1, 2, 11)),
    ],
)
def test_time_formats(read, pattern, printed, local):
    (post,) = posts(read(HEAD + row(1, date=printed), time_format=pattern))
    assert post.posted_local == local
    (rejected,) = rejections(read(HEAD + row(1, date="nonsense"), time_format=pattern))
    assert rejected.reason == Reason.BAD_TIME


def test_other_fields(read):
    columns = COLUMNS | {
        "group_id": "g", "group_name": "gn", "kind": "k", "reply_to": "r", "views": "v", "media": "m",
        "edited_at": "e", "forwarded_from": "f",
    }  # fmt: skip
    text = (
        HEAD.strip()
        + ",g,gn,k,r,v,m,e,f\n1,a,2024-01-02T00:00Z,A,7,North,comment,0,1.234,x.jpg,2024-01-03T00:00Z,B\n"
    )
    (post,) = posts(read(text, columns=columns, platform="vk"))
    assert (post.post_id, post.group_name, post.kind, post.reply_to) == (
        "vk:7:1",
        "North",
        "comment",
        "vk:7:0",
    )
    assert (post.views, post.media, post.forwarded_from) == (1234, ("x.jpg",), "B")
    assert post.edited_at == datetime(2024, 1, 3, tzinfo=UTC)


# CrowdTangle

PAGE_HEAD = (
    "Page Name,User Name,Facebook Id,Post Created,Type,Likes,Comments,Love,Post Views,URL,Message,Link,"
    '"Total Interactions (weighted  —  Likes 1x Shares 1x )"\n'
)


def page(
    created: str = "2021-07-05 18:02:45 BRT",
    message: str = "نص",
    url: str = "https://www.facebook.com/1/posts/9",
):
    return f'صفحة,page,123,{created},Photo,"1,234",5,407.137,9,{url},"{message}",https://x.y,"1,4"\n'


def test_a_page(read):
    (post,) = posts(
        read("\ufeff" + PAGE_HEAD + page(message='سطر\nآخر, ""نعم""'), "auto", zone="Asia/Damascus")
    )
    assert (post.post_id, post.group_name, post.author_id) == ("facebook:123:9", "صفحة", "123")
    assert post.text == 'سطر\nآخر, "نعم"'
    assert post.posted_at == datetime(2021, 7, 5, 21, 2, 45, tzinfo=UTC)
    assert post.posted_local == datetime(2021, 7, 6, 0, 2, 45)
    assert (post.zone_source, post.views, post.media) == ("offset", 9, ("photo",))
    assert post.reactions == {"like": 1234, "love": 407137}
    assert (post.extra["comments"], post.extra["link"]) == (5, "https://x.y")
    assert post.extra["total_interactions_weighted"] == "1,4"


def test_a_group_has_no_known_author(read):
    head = PAGE_HEAD.replace("Page Name", "Group Name")
    (post,) = posts(read(head + page(url="https://www.facebook.com/groups/1/permalink/77/"), "auto"))
    assert (post.native_id, post.author_id, post.author_name) == ("77", None, None)


@pytest.mark.parametrize(
    ("created", "zone", "source"),
    [
        ("2021-07-05 18:02:45 EEST", None, "offset"),
        ("2021-01-05 18:02:45 EST", None, "offset"),
        ("2021-01-05 18:02:45 EST", "Asia/Damascus", "offset"),
        ("2021-01-05 18:02:45 CST", None, "unknown"),
        ("2021-01-05 18:02:45 CST", "America/Chicago", "declared"),
        ("2021-01-05 18:02:45 CST", "Asia/Damascus", "unknown"),
        ("2021-07-05 18:02:45 XYZ", None, "unknown"),
        ("2021-07-05 18:02:45", "Asia/Damascus", "declared"),
    ],
)
def test_abbreviated_zones(read, created, zone, source):
    (post,) = posts(read(PAGE_HEAD + page(created), "crowdtangle", zone=zone))
    assert post.zone_source == source
    assert (post.posted_at is None) == (source == "unknown") == ("posted_between" in post.extra)


def test_crowdtangle_rejections(read):
    items = read(PAGE_HEAD + page("") + page("later") + "a,b\n" + page(), "crowdtangle")
    assert [rejection.reason for rejection in rejections(items)] == [
        Reason.NO_TIME,
        Reason.BAD_TIME,
        Reason.BAD_ROW,
    ]
    assert len(posts(items)) == 1
    with pytest.raises(ExportError, match="no CrowdTangle export"):
        read(HEAD + row(1), "crowdtangle")


# JSON lines


@pytest.mark.parametrize(
    ("line", "native", "text", "author"),
    [
        (
            '{"id": 12345678901234567890, "text": "a", "date": "2024-01-02T10:00:00Z"}',
            "12345678901234567890",
            "a",
            None,
        ),
        (
            '{"id_str": "5", "id": 5.0, "full_text": "a", "created_at": "Tue Jan 02 10:00:00 +0000 2024"}',
            "5",
            "a",
            None,
        ),
        ('{"message_id": 5, "id": 1, "message": "a", "date": "2024-01-02 10:00:00+00:00"}', "5", "a", None),
        ('{"id": "5", "body": "a", "created_utc": 1704189600, "author": "A"}', "5", "a", "A"),
        (
            '{"id": "5", "content": "a", "timestamp": 1704189600000, "user": {"id": 7, "username": "A"}}',
            "5",
            "a",
            "A",
        ),
        ('{"id": "5", "text": "", "date": "2024-01-02T10:00:00Z"}', "5", "", None),
        ('{"id": "5", "text": "a\\u00', None, None, None),
    ],
)
def test_usual_names_of_json(read, line, native, text, author):
    items = read(line + "\n", "jsonl")
    if native is None:
        assert rejections(items)[0].reason == Reason.BAD_JSON
        return
    (post,) = posts(items)
    assert (post.native_id, post.text, post.author_name) == (native, text, author)
    assert post.posted_at == datetime(2024, 1, 2, 10, tzinfo=UTC)
    assert "user" not in post.extra  # who wrote it stands in no other field


def test_dotted_paths(read):
    columns = {
        "text": "caption.text",
        "posted_at": "taken_at",
        "id": "pk",
        "author_name": "owner.name",
        "media": "m.0",
    }
    line = '{"pk": "7", "taken_at": 1692450007, "caption": {"text": "a"}, "owner": {"name": "A"}, "m": ["x"], "z": 1}'
    (post,) = posts(read(line, "jsonl", columns=columns))
    assert (post.native_id, post.text, post.author_name, post.media) == ("7", "a", "A", ("x",))
    assert post.extra == {"caption": {"text": "a"}, "m": ["x"], "z": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", Reason.BAD_JSON),
        ("[1]", Reason.NOT_AN_OBJECT),
        ("null", Reason.NOT_AN_OBJECT),
        ('{"id": 1, "date": 1704189600}', Reason.NO_TEXT),
        ('{"id": 1, "text": null, "date": 1704189600}', Reason.NO_TEXT),
        ('{"id": 1, "text": "a"}', Reason.NO_TIME),
        ('{"id": 1, "text": "a", "date": "soon"}', Reason.BAD_TIME),
        ('{"x": ' + "[" * 50_000 + "]" * 50_000 + "}", Reason.TOO_DEEP),
    ],
)
def test_bad_lines_cost_only_themselves(read, line, reason):
    good = '{"id": "%d", "text": "a", "date": 1704189600}\n'
    items = read(good % 1 + line + "\n\n" + good % 3, "jsonl")
    assert [post.native_id for post in posts(items)] == ["1", "3"]
    assert [rejection.reason for rejection in rejections(items)] == [reason]


def test_a_last_line_that_was_cut(read):
    items = read('{"id": "1", "text": "a", "date": 1704189600}\n{"id": "2", "te', "jsonl")
    assert [rejection.reason for rejection in rejections(items)] == [Reason.TRUNCATED]


def test_one_array_is_told_its_reader(read):
    with pytest.raises(ExportError, match="set reader to json"):
        read('[{"id": 1}]', "jsonl")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_locators_of_lines(tmp_path, encoding):
    path = tmp_path / "x.jsonl"
    lines = [
        '{"id": "1", "text": "قصف", "date": 1704189600}',
        '{"id": "2", "text": "حلب", "date": 1704189600}',
    ]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    items = items_of(path, "auto")
    codec = "utf-8-sig" if "8" in encoding else encoding
    if encoding == "utf-16":
        assert source_bytes(path, items[0]).decode(codec) == lines[0]
        codec = "utf-16-le"
    assert source_bytes(path, items[1]).decode(codec) == lines[1]


@pytest.mark.parametrize(
    "value", ["1970-01-01T00:00:00Z", 0, "0000-00-00 00:00:00", 4_200_000_000_000, "2999-01-01"]
)
def test_odd_times_are_flagged_and_not_believed(read, value):
    shown = f'"{value}"' if isinstance(value, str) else value
    (post,) = posts(read(f'{{"id": 1, "text": "a", "date": {shown}}}', "jsonl", zone="UTC"))
    assert (post.posted_at, post.posted_local) == (None, None)
    assert "time_suspect" in post.extra
