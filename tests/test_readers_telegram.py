"""Telegram Desktop: every era, every repair, every layout."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import (
    chat,
    exported,
    items_of,
    message,
    nonposts,
    posts,
    rejections,
    source_bytes,
)

from pipeline.errors import ExportError
from pipeline.readers import telegram_json
from pipeline.readers.interface import Export, Reading
from pipeline.readers.json_records import IndentedRecords, Piece
from pipeline.records import Reason

BACKSLASH = "\\"


@pytest.fixture
def write(tmp_path: Path):
    def written(document: object, name: str = "result.json") -> Path:
        path = tmp_path / name
        if isinstance(document, bytes):
            path.write_bytes(document)
        else:
            path.write_text(document if isinstance(document, str) else exported(document), encoding="utf-8")
        return path

    return written


def test_plain_message(write):
    (post,) = posts(items_of(write(chat([message(7)])), zone="Asia/Damascus"))
    assert (post.post_id, post.group_id, post.group_name, post.native_id) == (
        "telegram:123:7",
        "123",
        "أخبار الحي",
        "7",
    )
    assert post.posted_at == datetime(2024, 1, 2, 11, tzinfo=UTC)
    assert post.posted_local == datetime(2024, 1, 2, 14)  # the declared zone, not the exporter's clock
    assert (post.zone_source, post.time_precision, post.extra) == ("epoch", "second", {})


def test_without_zone_the_clock_of_the_exporter_is_kept(write):
    (post,) = posts(items_of(write(chat([message(7)]))))
    assert post.posted_local == datetime(2024, 1, 2, 13)
    assert post.posted_at == datetime(2024, 1, 2, 11, tzinfo=UTC)


def test_old_export_without_epoch(write):
    path = write(chat([message(1, date_unixtime="ABSENT", from_id=100)]))
    (post,) = posts(items_of(path, zone="Asia/Damascus"))
    assert (post.zone_source, post.posted_at) == ("declared", datetime(2024, 1, 2, 10, tzinfo=UTC))
    (post,) = posts(items_of(path))
    assert (post.zone_source, post.posted_at) == ("unknown", None)
    assert post.extra["posted_between"] == ["2024-01-01T23:00:00Z", "2024-01-03T03:00:00Z"]
    assert post.posted_local == datetime(2024, 1, 2, 13)


@pytest.mark.parametrize(
    ("written", "read"),
    [(100, "user100"), (4294967297, "chat1"), (8589934594, "channel2"), ("user5", "user5"), (None, None)],
)
def test_senders_of_all_eras(write, written, read):
    (post,) = posts(items_of(write(chat([message(1, from_id=written)]))))
    assert post.author_id == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("a", "a"),
        (["في ", {"type": "hashtag", "text": "#حلب"}, " الآن"], "في #حلب الآن"),
        ([{"type": "plain", "text": "a"}], "a"),
        ([], ""),
    ],
)
def test_parts_of_a_text_are_joined_without_blanks(write, text, read):
    (post,) = posts(items_of(write(chat([message(1, text)]))))
    assert post.text == read


def test_text_entities_serve_where_text_is_missing(write):
    (post,) = posts(
        items_of(write(chat([message(1, "ABSENT", text_entities=[{"type": "plain", "text": "a"}])])))
    )
    assert post.text == "a"


def test_hidden_links_are_kept(write):
    part = {"type": "text_link", "text": "هنا", "href": "https://t.me/x/1"}
    (post,) = posts(items_of(write(chat([message(1, ["a ", part])]))))
    assert (post.text, post.extra) == ("a هنا", {"links": ["https://t.me/x/1"]})


def test_edits(write):
    edited = message(1, edited="2024-01-02T14:00:00", edited_unixtime="1704196800")
    never = message(2, edited="1970-01-01T02:00:00")
    local = message(3, edited="2024-01-02T14:00:00")
    path = write(chat([edited, never, local]))
    assert [post.edited_at for post in posts(items_of(path))] == [
        datetime(2024, 1, 2, 12, tzinfo=UTC),
        None,
        None,
    ]
    third = posts(items_of(path, zone="Asia/Damascus"))[2]
    assert third.edited_at == datetime(2024, 1, 2, 11, tzinfo=UTC)


def test_replies(write):
    here = message(2, reply_to_message_id=1)
    elsewhere = message(3, reply_to_message_id=77, reply_to_peer_id="channel9")
    migrated = message(4, reply_to_message_id=-999999990)
    found = posts(items_of(write(chat([here, elsewhere, migrated]))))
    assert [post.reply_to for post in found] == ["telegram:123:1", "77", "telegram:123:-999999990"]
    assert found[1].extra == {"reply_to_peer_id": "channel9"}


def test_forwards(write):
    named, deleted, none = message(1, forwarded_from="شبكة"), message(2, forwarded_from=None), message(3)
    found = posts(items_of(write(chat([named, deleted, none]))))
    assert [post.forwarded_from for post in found] == ["شبكة", "", None]


@pytest.mark.parametrize(
    ("fields", "kind", "media"),
    [
        ({"photo": "photos/1.jpg"}, "media", ("photos/1.jpg",)),
        ({"photo": "(File not included. Change data exporting settings to download.)"}, "media", ("photo",)),
        (
            {"file": "(File exceeds maximum size.)", "media_type": "voice_message"},
            "media",
            ("voice_message",),
        ),
        ({"file": "files/a.pdf"}, "media", ("files/a.pdf",)),
        ({"location_information": {"latitude": 36.2, "longitude": 37.1}}, "post", ()),
        ({"location_information": None}, "post", ()),
    ],
)
def test_messages_without_words(write, fields, kind, media):
    (post,) = posts(items_of(write(chat([message(1, "", **fields)]))))
    assert (post.text, post.kind, post.media) == ("", kind, media)
    assert post.extra == fields  # nothing of it is lost


def test_a_caption_makes_it_a_post(write):
    (post,) = posts(items_of(write(chat([message(1, "تعليق", photo="photos/1.jpg")]))))
    assert (post.kind, post.text, post.media) == ("post", "تعليق", ("photos/1.jpg",))


def test_poll_becomes_text(write):
    poll = {"question": ["سؤال ", {"type": "bold", "text": "مهم"}], "answers": [{"text": "نعم", "voters": 1}]}
    (post,) = posts(items_of(write(chat([message(1, "", poll=poll)]))))
    assert (post.kind, post.text, post.extra["poll"]) == ("poll", "سؤال مهم\nنعم", poll)


def test_reactions_are_counted_without_names(write):
    reactions = [
        {"type": "emoji", "count": 3, "emoji": "😢", "recent": [{"from": "A", "from_id": "user7"}]},
        {"type": "custom_emoji", "count": 1, "document_id": "(File not included.)"},
        {"type": "custom_emoji", "count": 2, "document_id": "555"},
        {"type": "paid", "count": 2},
    ]
    (post,) = posts(items_of(write(chat([message(1, reactions=reactions)]))))
    assert post.reactions == {"😢": 3, "custom_emoji": 1, "custom_emoji:555": 2, "paid": 2}
    assert post.extra == {}


def test_service_and_unsupported_are_no_posts(write):
    service = {"id": 1, "type": "service", "date": "2024-01-02T13:00:00", "action": "pin_message", "text": ""}
    items = items_of(write(chat([service, {"id": 2, "type": "unsupported"}, message(3)])))
    assert nonposts(items)[0].what == "service: pin_message"
    assert (len(nonposts(items)), len(posts(items)), len(rejections(items))) == (2, 1, 0)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (message("ABSENT"), Reason.NO_ID),
        (message(None), Reason.NO_ID),
        (message(1, date="ABSENT", date_unixtime="ABSENT"), Reason.NO_TIME),
        (message(1, date="yesterday", date_unixtime="ABSENT"), Reason.BAD_TIME),
        (message(1, date="ABSENT", date_unixtime="soon"), Reason.BAD_TIME),
        (message(1, "ABSENT", text_entities="ABSENT"), Reason.NO_TEXT),
        (message(1, {"a": 1}), Reason.NO_TEXT),
        (message(1, [1]), Reason.NO_TEXT),
        (message(1, type="letter"), Reason.BAD_ROW),
    ],
)
def test_rejections(write, record, reason):
    path = write(chat([message(8), record, message(9)]))
    items = items_of(path)
    (rejected,) = rejections(items)
    assert rejected.reason == reason
    assert [post.native_id for post in posts(items)] == ["8", "9"]
    assert json.loads(source_bytes(path, rejected)) == record


@pytest.mark.parametrize("unixtime", ["0", "1", "99999999999"])
def test_odd_times_are_not_believed(write, unixtime):
    (post,) = posts(items_of(write(chat([message(1, date_unixtime=unixtime)]))))
    assert (post.posted_at, post.posted_local, post.zone_source) == (None, None, "unknown")
    assert post.extra["time_suspect"] == int(unixtime)


REPAIRS = [
    ('"text": "قصف', f'"text": "قصف{BACKSLASH}x0B', "escape", "قصف\x0b على الحي"),
    (
        '"text": "قصف',
        f'"text": "{BACKSLASH}{BACKSLASH}x41{BACKSLASH}x1Fقصف',
        "escape",
        "\\x41\x1fقصف على الحي",
    ),
    ('"text": "قصف', f'"text": "{BACKSLASH}qقصف', "escape", "\\qقصف على الحي"),
    ('"text": "قصف', '"text": "\x01قصف', "control", "\x01قصف على الحي"),
    ('"text": "قصف', '"text": "سطر\nقصف', "control", "سطر\nقصف على الحي"),
    ('"text": "قصف', '"te\0xt": "\0قصف', "nul", "قصف على الحي"),
    ('"text": "قصف', f'"text": "{BACKSLASH}ud83dقصف', "surrogate", "\ufffdقصف على الحي"),
    ('"id": 2', '"x": NaN,\n   "id": 2', "number", "قصف على الحي"),
    (
        '"id": 2',
        '"id": 2,\n   "document_id": video_files/sticker (2).webm',
        "document_id",
        "قصف على الحي",
    ),
]


@pytest.mark.parametrize("case", REPAIRS)
@pytest.mark.parametrize("layout", ["exporter", "minified"])
def test_repairs(write, case, layout):
    old, new, repair, text = case
    document = exported(chat([message(1), message(2), message(3)]))
    at = document.index('"id": 2')
    broken = document[:at] + document[at:].replace(old, new, 1)
    if layout == "minified" and "\n" not in new.strip():
        broken = broken.replace("\n", "").replace("} ]}", "}]}")
    path = write(broken)
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["1", "2", "3"]
    assert posts(items)[1].text == text
    assert posts(items)[1].extra["repaired"] == [repair]
    assert all("repaired" not in post.extra for post in posts(items) if post.native_id != "2")


@pytest.mark.parametrize(
    ("raw", "repair", "text"),
    [
        ("قصف".encode() + b"\xff", "encoding", "قصف\ufffd"),
        ("قصف على حي الشعار".encode("cp1256"), "encoding:cp1256", "قصف على حي الشعار"),
        ("\ud83d\udca3".encode("utf-8", "surrogatepass"), "cesu8", "💣"),
    ],
)
def test_repairs_of_bytes(write, raw, repair, text):
    document = exported(chat([message(1), message(2, "HERE"), message(3)])).encode()
    found = posts(items_of(write(document.replace(b"HERE", raw))))
    assert [post.native_id for post in found] == ["1", "2", "3"]
    assert found[1].text == text
    assert found[1].extra["repaired"] == [repair]


def test_clean_records_are_never_repaired(write):
    text = f'{BACKSLASH}x41 "quoted" {BACKSLASH} {BACKSLASH}{BACKSLASH}x0B NaN "document_id": x \u2028 💔'
    (post,) = posts(items_of(write(chat([message(1, text)]))))
    assert (post.text, post.extra) == (text, {})


def test_a_record_without_its_end_costs_only_itself(write):
    document = exported(chat([message(number) for number in range(1, 6)]))
    third = document.index('"id": 3')
    end = document.index("\n  },", third)
    path = write(document[: end + 1] + document[end + 6 :])
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["1", "2", "4", "5"]
    assert rejections(items)[0].reason == Reason.BAD_JSON


@pytest.mark.parametrize("layout", ["exporter", "minified"])
def test_many_records_without_their_ends(write, layout):
    document = exported(chat([message(number) for number in range(1, 60)]))
    document = document.replace("\n  },", ",")  # 58 ends are missing
    items = items_of(write(document if layout == "exporter" else document.replace("\n", "")), "telegram_json")
    assert [post.native_id for post in posts(items)] == ["59"]
    assert [rejection.reason for rejection in rejections(items)][:58] == [Reason.BAD_JSON] * 58


def test_a_quote_that_is_not_closed_costs_its_record(write):
    document = exported(chat([message(number) for number in range(1, 6)])).replace('"id": 3', '"id: 3')
    for text in (document, document.replace("\n", "")):
        items = items_of(write(text))
        assert {post.native_id for post in posts(items)} >= {"1", "2", "5"}
        assert rejections(items)


def test_bytes_between_records_are_rejected_and_nuls_noted(write):
    document = exported(chat([message(1), message(2), message(3)]))
    garbage = document.replace("\n  },\n  {", "\n  },\nxyz\n  {", 1)
    items = items_of(write(garbage))
    assert [rejection.reason for rejection in rejections(items)] == [Reason.STRAY_TEXT]
    assert len(posts(items)) == 3
    items = items_of(write(document.replace("\n  },\n  {", "\n  },\0\0\n  {", 1)))
    assert not rejections(items)
    assert posts(items)[1].extra == {"repaired": ["nul"]}


def test_a_record_that_is_no_object(write):
    for layout in (1, None):
        text = json.dumps(chat([message(1), [1, 2], "x", message(2)]), ensure_ascii=False, indent=layout)
        items = items_of(write(text))
        assert [post.native_id for post in posts(items)] == ["1", "2"]
        assert [rejection.reason for rejection in rejections(items)] == [Reason.STRAY_TEXT]


def account() -> dict[str, object]:
    """An account as it is exported: contacts and sessions around the chats."""
    listed = [
        chat([message(1), message(2)], id=10),
        {"type": "saved_messages", "id": 7, "messages": []},
        chat([message(1)], id=11, name=None, type="personal_chat"),
    ]
    return {
        "about": "Here is the data",
        "personal_information": {"user_id": 1, "first_name": "x"},
        "frequent_contacts": {"about": "", "list": [{"id": 5, "name": "friend", "type": "user"}]},
        "chats": {"about": "", "list": listed},
        "left_chats": {"about": "", "list": [chat([message(9)], id=12, name="تركتها")]},
    }


@pytest.mark.parametrize("indent", [1, 2, 4, "\t", None])
def test_account_in_any_layout(write, indent):
    items = items_of(write(json.dumps(account(), ensure_ascii=False, indent=indent)))
    assert [(post.post_id, post.group_name) for post in posts(items)] == [
        ("telegram:10:1", "أخبار الحي"),
        ("telegram:10:2", "أخبار الحي"),
        ("telegram:11:1", None),
        ("telegram:12:9", "تركتها"),
    ]
    assert not rejections(items)


@pytest.mark.parametrize("indent", [1, 2, None])
def test_a_chat_whose_head_comes_last(write, indent):
    document = json.dumps(chat([message(1)]), ensure_ascii=False, indent=indent, sort_keys=True)
    (post,) = posts(items_of(write(document)))
    if indent != 1:  # the exporter itself never writes the head last
        assert post.post_id == "telegram:123:1"


def test_windows_line_ends_and_byte_order_mark(write):
    path = write(b"\xef\xbb\xbf" + exported(chat([message(1), message(2)])).replace("\n", "\r\n").encode())
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["1", "2"]
    assert not rejections(items)


def test_two_documents_in_one_file(write):
    path = write(exported(chat([message(1)])) + "\n" + exported(chat([message(2)], id=5)))
    assert [post.post_id for post in posts(items_of(path))] == ["telegram:123:1", "telegram:5:2"]


def test_same_id_twice_is_read_twice(write):
    assert len(posts(items_of(write(chat([message(1), message(1, "b")]))))) == 2


def test_truncation_is_told_also_between_two_records(write):
    document = exported(chat([message(1), message(2)])).encode()
    between = document.index(b"\n  },") + 5
    items = items_of(write(document[:between]), "telegram_json")
    assert [post.native_id for post in posts(items)] == ["1"]
    assert [rejection.reason for rejection in rejections(items)] == [Reason.TRUNCATED]


def test_deep_nesting_is_refused(write):
    deep = '{"id": 2, "type": "message", "x": ' + "[" * 50_000 + "]" * 50_000 + "}"
    document = exported(chat([message(1), "HERE", message(3)])).replace('"HERE"', deep)
    for text in (document.replace("\n  {" + '"id": 2', "\n  {\n" + '"id": 2'), document.replace("\n", "")):
        items = items_of(write(text))
        assert {post.native_id for post in posts(items)} >= {"1", "3"}
        assert rejections(items)


def test_files_that_are_none_of_telegram(write):
    for text in ("{}", '{"a": [1, 2]}', "[]", "{" * 1000):
        with pytest.raises(ExportError, match=r"result\.json: .*messages"):
            items_of(write(text), "telegram_json")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("indent", [1, None])
def test_utf16_is_read_and_leads_back_to_its_own_bytes(write, encoding, indent):
    document = chat([message(number, f"قصف 😀 {number}") for number in range(3)])
    whole = json.dumps(document, ensure_ascii=False, indent=indent)
    path = write(whole.encode(encoding))
    found = posts(items_of(path, zone="UTC"))
    assert [post.text for post in found] == [f"قصف 😀 {number}" for number in range(3)]
    for post in found:
        source = source_bytes(path, post)
        assert source in path.read_bytes()
        assert json.loads(source.decode("utf-16-be" if "be" in encoding else "utf-16-le"))["id"] == int(
            post.native_id
        )


def test_a_name_that_stands_twice_is_noted(write):
    twice = exported(chat([message(1)])).replace('   "text": ', '   "text": "first",\n   "text": ', 1)
    (post,) = posts(items_of(write(twice)))
    assert (post.text, post.extra["repaired"]) == ("قصف على الحي", ["duplicate_key:text"])


def test_unknown_zone_is_named(write):
    with pytest.raises(ExportError, match="Asia/Damascvs"):
        items_of(write(chat([message(1)])), zone="Asia/Damascvs")


def test_both_ways_of_reading_a_message_agree(write, tmp_path):
    """The fast way is only fast: the long way gives the same posts."""
    records = [
        message(1),
        message(2, ["a ", {"type": "link", "text": "b", "href": "h"}], reply_to_message_id=1),
        message(3, forwarded_from=None, edited="1970-01-01T00:00:00"),
        message(4, date_unixtime="ABSENT", edited="2024-01-02T14:00:00"),
        message(5, reactions=[{"type": "emoji", "emoji": "x", "count": 2}], **{"from": None}),
        message(6, date_unixtime="1", forwarded_from="x"),
        message(7, "", photo="photos/1.jpg", photo_file_size=3, width=1, height=2),
        message(8, photo="(File not included.)", width=1, height=2),
    ]
    path = write(chat(records))
    export = Export(path, path.name, "0")
    for zone in (None, "Asia/Damascus"):
        chats = telegram_json._Chats(export, Reading(source="s", zone=zone), IndentedRecords(export), None)
        seen = 0
        for piece in chats._records:
            if piece.what == "record":
                fast = chats._fast(Piece(*piece))
                assert fast == chats._slow(piece)
                seen += fast is not None
        assert seen == len(records)


def test_long_data_of_an_account_before_its_chats(write):
    head = {
        "about": "x",
        "contacts": {"list": [{"name": f"name {number}", "id": number} for number in range(90_000)]},
    }
    document = head | {"chats": {"list": [chat([message(1)], id=10)]}}
    for indent in (1, 2, None):
        items = items_of(write(json.dumps(document, ensure_ascii=False, indent=indent)), "telegram_json")
        assert [post.post_id for post in posts(items)] == ["telegram:10:1"]
        assert not rejections(items)


def test_records_larger_than_a_reading_window(write):
    big = message(2, "ب" * 3_000_000)
    path = write(chat([message(1), big, message(3)]))
    items = items_of(path)
    assert [len(post.text) for post in posts(items)] == [12, 3_000_000, 12]
    assert len(source_bytes(path, items[1])) > 6_000_000


def test_a_chat_between_two_people_is_marked(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(exported(chat([message(1), message(2, poll={"question": "?"})], type="personal_chat")))
    assert [post.extra["chat_type"] for post in posts(items_of(path))] == ["personal_chat"] * 2
    path.write_text(exported(chat([message(1)])))
    assert "chat_type" not in posts(items_of(path))[0].extra
