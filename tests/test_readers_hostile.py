"""Hostile and broken input: each case has its defined outcome, and none is silent."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_builders import (
    chat,
    export_of,
    exported,
    items_of,
    message,
    nonposts,
    posts,
    rejections,
    source_bytes,
)

from pipeline.errors import ExportError
from pipeline.readers import Limits, Reading, choose, read
from pipeline.readers.json_values import RowError, decode_record
from pipeline.readers.mojibake import mend
from pipeline.records import Reason

BACKSLASH = "\\"
WHOLE = exported(chat([message(number, f"قصف {number}") for number in range(4)]))
LINES = "".join(f'{{"id": {number}, "text": "قصف {number}", "date": 1704189600}}\n' for number in range(4))
TABLE = "id,text,created_at\n" + "".join(f'{number},"قصف {number}",2024-01-02 10:00\n' for number in range(4))
CHAT = "".join(f"1{day}/5/2025, 09:17 - أ: قصف {day}\n" for day in range(3, 7))


def spoiled(text: str, found: str, other: str | bytes) -> bytes:
    """The text with its first `found` replaced."""
    assert found in text
    new = other if isinstance(other, bytes) else other.encode("utf-8", "surrogatepass")
    return text.encode().replace(found.encode(), new, 1)


CASES = {
    # name: reader, bytes, posts, reasons of rejections, repairs
    "json_hex_escape": ("telegram_json", spoiled(WHOLE, "قصف 1", BACKSLASH + "x0B"), 4, [], ["escape"]),
    "json_bare_file": ("telegram_json", spoiled(WHOLE, '"text": "قصف 1"', '"document_id": video_files/sticker (2).webm,\n   "text": "x"'), 4, [], ["document_id"]),
    "json_newline": ("telegram_json", spoiled(WHOLE, "قصف 1", "a\nb"), 4, [], ["control"]),
    "json_nuls": ("telegram_json", spoiled(WHOLE, "  },\n", "  },\n\0\0\0\0"), 4, [], ["nul"]),
    "json_surrogate": ("telegram_json", spoiled(WHOLE, "قصف 1", BACKSLASH + "ud83d"), 4, [], ["surrogate"]),
    "json_cesu8": ("telegram_json", spoiled(WHOLE, "قصف 1", b"\xed\xa0\xbd\xed\xb8\x80"), 4, [], ["cesu8"]),
    "json_cp1256": ("telegram_json", spoiled(WHOLE, "قصف 1", "قصف على الحي".encode("cp1256")), 4, [], ["encoding:cp1256"]),
    "json_twice": ("telegram_json", WHOLE.encode() + WHOLE.encode(), 8, [], []),
    "json_nan": ("jsonl", spoiled(LINES, "1704189600", "1704189600, \"views\": NaN"), 4, [], ["number"]),
    "json_mark": ("telegram_json", b"\xef\xbb\xbf" + WHOLE.encode(), 4, [], []),
    "json_duplicate_key": ("jsonl", spoiled(LINES, '"text": "قصف 1"', '"text": "a", "text": "b"'), 4, [], ["duplicate_key:text"]),
    "json_deep": ("jsonl", spoiled(LINES, "1704189600", '1704189600, "x": ' + "[" * 70 + "]" * 70), 3, [Reason.TOO_DEEP], []),
    "json_very_deep": ("telegram_json", spoiled(WHOLE, '"text": "قصف 1"', '"text": ' + "[" * 50_000 + "]" * 50_000), 3, [Reason.TOO_DEEP], []),
    "json_truncated": ("telegram_json", WHOLE.encode()[: WHOLE.encode().rindex(b'"text"')], 3, [Reason.TRUNCATED], []),
    "jsonl_truncated": ("jsonl", LINES.encode()[:-30], 3, [Reason.TRUNCATED], []),
    "jsonl_no_object": ("jsonl", LINES.encode() + b"[1]\n17\n", 4, [Reason.NOT_AN_OBJECT] * 2, []),
    "jsonl_old_mac": ("jsonl", LINES.replace("\n", "\r").encode(), 4, [], []),
    "jsonl_mixed_ends": ("jsonl", LINES.replace("\n", "\r\n", 2).encode(), 4, [], []),
    "time_never": ("jsonl", spoiled(LINES, "1704189600", "0"), 4, [], []),
    "time_year_zero": ("jsonl", spoiled(LINES, "1704189600", '"0000-00-00 00:00:00"'), 4, [], []),
    "time_milliseconds": ("jsonl", spoiled(LINES, "1704189600", "1704189600000"), 4, [], []),
    "csv_open_quote": ("table", spoiled(TABLE, '"قصف 1"', '"قصف 1'), 3, [Reason.BAD_ROW], []),
    "csv_ragged": ("table", spoiled(TABLE, '1,"قصف 1",2024-01-02 10:00', '1,"قصف 1",2024-01-02 10:00,more,still'), 4, [], []),
    "csv_short": ("table", spoiled(TABLE, '1,"قصف 1",2024-01-02 10:00', "1"), 3, [Reason.BAD_ROW], []),
    "csv_old_mac": ("table", TABLE.replace("\n", "\r").encode(), 4, [], []),
    "csv_mixed_ends": ("table", TABLE.replace("\n", "\r\n", 2).encode(), 4, [], []),
    "csv_cp1256": ("table", TABLE.encode("cp1256"), 4, [], []),
    "csv_utf16": ("table", TABLE.replace(",", "\t").encode("utf-16"), 4, [], []),
    "csv_long_cell": ("table", spoiled(TABLE, "قصف 1", "ب" * 200_000), 4, [], []),
    "csv_nul": ("table", spoiled(TABLE, "قصف 1", "قصف\0 1"), 4, [], ["nul"]),
    "csv_formula": ("table", spoiled(TABLE, "قصف 1", "=HYPERLINK(1)"), 4, [], []),
    "csv_lost_digits": ("table", spoiled(TABLE, "\n1,", "\n1.74546E+18,"), 4, [], []),
    "csv_mojibake": ("table", spoiled(TABLE, "قصف 1", "قصف على الحي".encode().decode("cp1256")), 4, [], ["mojibake:cp1256"]),
    "csv_mojibake_latin": ("table", spoiled(TABLE, "قصف 1", "قصف على الحي".encode().decode("latin-1")), 4, [], ["mojibake:latin-1"]),
    "chat_cp1256": ("whatsapp", CHAT.encode("cp1256"), 4, [], []),
    "chat_utf16": ("whatsapp", CHAT.encode("utf-16"), 4, [], []),
    "chat_old_mac": ("whatsapp", CHAT.replace("\n", "\r").encode(), 4, [], []),
    "chat_nuls": ("whatsapp", spoiled(CHAT, "قصف 4", "قصف\0 4"), 4, [], []),
    "chat_stray": ("whatsapp", b"words before all\n" + CHAT.encode(), 4, [Reason.STRAY_TEXT], []),
    "chat_no_day": ("whatsapp", spoiled(CHAT, "14/5", "99/5"), 3, [Reason.BAD_TIME], []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_hostile(name: str, tmp_path: Path):
    reader, raw, count, reasons, repairs = CASES[name]
    path = tmp_path / "x"
    path.write_bytes(raw)
    columns = {"text": "text", "posted_at": "created_at", "id": "id"} if reader == "table" else {}
    items = items_of(path, reader, columns=columns, zone="Asia/Damascus")
    assert len(posts(items)) == count
    assert [refused.reason for refused in rejections(items)] == reasons
    assert sorted({note for post in posts(items) for note in post.extra.get("repaired", ())}) == repairs
    assert len(items) == count + len(reasons) + len(nonposts(items))
    for item in items:
        assert source_bytes(path, item)


def test_odd_times_are_flagged(tmp_path):
    for name in ("time_never", "time_year_zero"):
        path = tmp_path / name
        path.write_bytes(CASES[name][1])
        first = posts(items_of(path, "jsonl"))[0]
        assert first.posted_at is None
        assert "time_suspect" in first.extra


def test_a_line_without_end_is_bounded(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        LINES.encode()
        + b'{"text": "'
        + b"x" * (3 << 20)
        + b'"}\n'
        + LINES.replace('"id": ', '"id": 1').encode()
    )
    export = export_of(path, limits=Limits(record_bytes=1 << 20))
    items = list(read(choose(export), Reading(source="s")))
    assert (len(posts(items)), [refused.reason for refused in rejections(items)]) == (8, [Reason.TOO_LARGE])


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf", b"\0" * 5000, b"\n\n\n", b"\xff\xfe"])
def test_an_empty_file_says_so(tmp_path, raw):
    path = tmp_path / "x.json"
    path.write_bytes(raw)
    with pytest.raises(ExportError, match=r"x\.json"):
        items_of(path)


@pytest.mark.parametrize("depth", [60, 70, 400, 30_000])
def test_depth_is_bounded(depth):
    raw = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
    if depth < 64:
        assert decode_record(raw)[1] == []
    else:
        with pytest.raises(RowError) as refused:
            decode_record(raw)
        assert refused.value.reason == Reason.TOO_DEEP


def test_whole_numbers_of_any_size_stay_exact():
    assert decode_record(b'{"id": 12345678901234567890123}')[0]["id"] == 12345678901234567890123


# Text that was read in a wrong encoding


ARABIC = st.text(
    st.sampled_from("ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءأإؤئ ،.؟!0123456789٠١٢٣abc\n#@"), min_size=1, max_size=80
)


@given(ARABIC)
def test_clean_text_is_never_changed(text):
    assert mend(text) == (text, None)


@pytest.mark.parametrize(
    "text",
    ["Ärger über Öl, ñandú, façade", "À bientôt — « oui »", "Ã", "Â£5 is £5"[:1], "ÄÖÜ äöü ß", "naïve café №5", "وسط، حلب؟ ط، ظ‌ع", "20° 30′ ×÷"],
)  # fmt: skip
def test_clean_text_of_other_languages_is_never_changed(text):
    assert mend(text) == (text, None)


@given(ARABIC, st.sampled_from(["latin-1", "cp1256"]))
def test_what_went_through_a_wrong_encoding_comes_back(text, encoding):
    broken = text.encode().decode(encoding)
    mended, note = mend(broken)
    letters = len(re.findall("[\u0621-\u064a]", text))
    if letters == 0:
        return
    if encoding == "latin-1":
        assert (mended, note) == (text, "mojibake:latin-1")
    elif note is not None:
        assert mended == text
    else:
        assert mended == broken
        assert letters < 12 or not {"ا", "ل"} & set(text)


def test_only_the_broken_part_of_a_text_is_mended():
    clean, broken = "خبر عاجل: ", "قصف على حي الشعار"
    for encoding in ("latin-1", "cp1256"):
        assert mend(clean + broken.encode().decode(encoding))[0] == clean + broken
    twice = broken.encode().decode("latin-1").encode().decode("latin-1")
    assert mend(twice)[0] == broken
    cut = broken.encode()[:-1].decode("latin-1")
    assert mend(cut)[0] == broken[:-1] + "\ufffd"


def test_texts_of_the_samples_are_clean(root):
    texts = [json.loads(line)["text"] for line in (root / "samples" / "gold.jsonl").open(encoding="utf-8")]
    assert len(texts) > 100
    assert [text for text in texts if mend(text)[1] is not None] == []
    back = [text for text in texts if re.search("[\u0621-\u064a]{4}", text)]
    for encoding in ("latin-1", "cp1256"):
        possible = [text for text in back if can(text, encoding)]
        assert [text for text in possible if mend(text.encode().decode(encoding))[0] != text] == []


def can(text: str, encoding: str) -> bool:
    try:
        return bool(text.encode().decode(encoding))
    except UnicodeDecodeError:
        return False


# What is left of the list of hostile inputs: encodings, ids, marks, names in archives, markup


@pytest.mark.parametrize(
    "encoding", ["cp1256", "iso8859_6", "mac_arabic", "utf-16-le", "utf-16-be", "utf-8-sig"]
)
def test_text_in_any_arabic_encoding(tmp_path, encoding):
    text = "قصف على حي الشعار من قبل الطيران المروحي صباح اليوم في المدينة القديمة"
    table = "id,text,created_at\n" + "".join(f"{number},{text},2024-01-02 10:00\n" for number in range(6))
    path = tmp_path / "x.csv"
    path.write_bytes(table.encode(encoding))
    items = items_of(path, zone="Asia/Damascus")
    assert [post.text for post in posts(items)] == [text] * 6


def test_a_json_file_in_utf16(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(WHOLE.encode("utf-16"))
    assert [post.text for post in posts(items_of(path))] == [f"قصف {number}" for number in range(4)]


def test_the_same_id_twice_is_two_observations(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(LINES.replace('"id": 1', '"id": 2'), encoding="utf-8")
    read_posts = posts(items_of(path))
    assert [post.native_id for post in read_posts] == ["0", "2", "2", "3"]
    assert read_posts[1].text != read_posts[2].text


def test_long_ids_stay_exact_where_one_is_missing(tmp_path):
    path = tmp_path / "x.csv"
    ids = ["1745463728192837465", "", "1745463728192837466"]
    path.write_text("id,text,created_at\n" + "".join(f"{each},a,2024-01-02 10:00\n" for each in ids))
    items = items_of(path, zone="Asia/Damascus")
    assert [post.native_id for post in posts(items)] == [ids[0], ids[2]]
    assert [refused.reason for refused in rejections(items)] == [Reason.NO_ID]


def test_lost_digits_are_told_and_formulas_stay(tmp_path):
    for name, field in (("csv_lost_digits", "id_precision_lost"), ("csv_formula", None)):
        path = tmp_path / name
        path.write_bytes(CASES[name][1])
        found = posts(
            items_of(path, "table", columns={"text": "text", "posted_at": "created_at", "id": "id"})
        )
        if field is None:
            assert "=HYPERLINK(1)" in {post.text for post in found}
        else:
            assert [post.extra[field] for post in found if field in post.extra] == ["1.74546E+18"]
            assert len({post.post_id for post in found}) == 4


def test_a_head_without_rows_is_no_post(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,text,created_at\n")
    assert items_of(path) == []


@pytest.mark.parametrize("seconds", [0, -5, 4_102_444_800 * 10, 10**30])
def test_times_that_cannot_be_are_not_believed(tmp_path, seconds):
    path = tmp_path / "x.jsonl"
    path.write_text(LINES.replace("1704189600", str(seconds), 1), encoding="utf-8")
    first, *others = posts(items_of(path))
    assert (first.posted_at, "time_suspect" in first.extra) == (None, True)
    assert all(post.posted_at is not None for post in others)


def test_direction_marks_are_part_of_a_text(tmp_path):
    text = "\u200fقصف\u200e \u202babc\u202c"
    path = tmp_path / "x.jsonl"
    path.write_text(
        json.dumps({"id": 1, "text": text, "date": 1704189600}, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    assert posts(items_of(path, "jsonl"))[0].text == text


def test_sloppy_western_encoding_comes_back():
    text = "قصف على حي الشعار"
    broken = "".join(
        bytes([byte]).decode("cp1252") if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else chr(byte)
        for byte in text.encode()
    )
    assert mend(broken)[0] == text


def test_no_name_in_an_archive_is_a_path(tmp_path):
    path = tmp_path / "x.zip"
    outside = tmp_path.parent / "marsad_outside.txt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../marsad_outside.txt", "/marsad_absolute.txt", "..\\marsad_windows.txt"):
            archive.writestr(name, CHAT)
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    items = items_of(path)
    assert len(posts(items)) == 12
    assert not outside.exists()
    assert not Path("/marsad_absolute.txt").exists()
    assert "root:" not in "".join(post.text for post in posts(items))
    assert len(nonposts(items)) + len(rejections(items)) == 1


def test_a_member_whose_place_is_a_lie_is_told(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a_chat.txt", CHAT)
        archive.writestr("b_chat.txt", CHAT)
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02") + 42  # where the list says that the second begins
    raw[at : at + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(raw)
    items = items_of(path)
    assert len(posts(items)) == 4
    assert [refused.reason for refused in rejections(items)] == [Reason.BAD_FILE]


@pytest.mark.parametrize(
    ("reader", "markup"),
    [
        ("wordpress_html", '<html><body><li class="comment even" id="comment-1">' + "<div>" * 100_000 + "x</body></html>"),
        ("vk_html", '<html><div class="message" data-id="1"><div class="message__header">A</div>' + "<div>" * 100_000 + "x</html>"),
        ("wxr", "<rss><wp:wxr_version/><item><wp:post_id>1</wp:post_id><content:encoded><![CDATA[" + "<div>" * 100_000 + "x]]></content:encoded></item></rss>"),
        ("telegram_html", '<div class="history"><div class="message default clearfix" id="message1"><div class="body"><div class="pull_right date details" '
         'title="31.12.2023 23:59:59">x</div><div class="text">' + "<b>" * 50_000 + "x" + "</b>" * 50_000 + "</div></div></div></div></html>"),
    ],
)  # fmt: skip
def test_markup_of_any_depth_has_an_end(tmp_path, reader, markup):
    path = tmp_path / "x.html"
    path.write_text(markup)
    if reader in {"wordpress_html", "vk_html"}:
        with pytest.raises(ExportError, match="deeper"):
            items_of(path, reader)
    elif reader == "wxr":
        assert [post.text for post in posts(items_of(path, reader))] == ["x"]
    else:
        assert [one.reason for one in items_of(path, reader)] == [Reason.TOO_DEEP]


def test_entities_of_a_document_are_never_expanded(tmp_path):
    path = tmp_path / "x.xml"
    declared = '<!DOCTYPE rss [<!ENTITY a "haha"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
    path.write_text(
        f'<?xml version="1.0"?>{declared}<rss><channel><wp:wxr_version>1.2</wp:wxr_version><item><wp:post_id>1</wp:post_id>'
        "<content:encoded>&a; &x;</content:encoded></item></channel></rss>"
    )
    (post,) = posts(items_of(path))
    assert (post.text, post.extra["repaired"]) == ("&a; &x;", ["entity"])
