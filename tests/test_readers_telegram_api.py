"""Telegram by other programs: Telethon and 4CAT, telegram-scraper, snscrape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import export_of, items_of, nonposts, posts, rejections, source_bytes

from pipeline.readers import choose
from pipeline.records import Reason

WHEN = datetime(2024, 1, 2, 10, 0, 0, tzinfo=UTC)


def telethon(number: int, **more: object) -> dict[str, object]:
    """A message of 2024 as Telethon's to_json gives it."""
    record: dict[str, object] = {
        "_": "Message",
        "id": number,
        "peer_id": {"_": "PeerChannel", "channel_id": 1234567890},
        "date": "2024-01-02T10:00:00+00:00",
        "message": "قصف #حلب",
        "out": False,
        "from_id": {"_": "PeerUser", "user_id": 77},
        "fwd_from": None,
        "reply_to": None,
        "media": None,
        "entities": [{"_": "MessageEntityHashtag", "offset": 4, "length": 4}],
        "views": 120,
        "edit_date": None,
    }
    return record | more


SERVICE = {
    "_": "MessageService",
    "id": 9,
    "peer_id": {"_": "PeerChannel", "channel_id": 1234567890},
    "date": "2024-01-02T10:00:00+00:00",
    "action": {"_": "MessageActionPinMessage"},
}


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "dump.json") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("layout", ["array", "indented", "lines", "document"])
def test_layouts_of_telethon(written, layout):
    records = [telethon(1), telethon(2, message="نعم"), SERVICE, {"_": "MessageEmpty", "id": 10}]
    text = {
        "array": json.dumps(records),
        "indented": json.dumps(records, indent=4, ensure_ascii=False),
        "lines": "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records),
        "document": json.dumps({"channel": "x", "messages": records}, ensure_ascii=False),
    }[layout]
    path = written(text)
    assert choose(export_of(path)).name == "telethon"
    items = items_of(path)
    assert [post.text for post in posts(items)] == ["قصف #حلب", "نعم"]
    assert [item.what for item in nonposts(items)] == [
        "MessageService: MessageActionPinMessage",
        "MessageEmpty",
    ]
    assert posts(items)[0].post_id == "telegram:1234567890:1"
    assert [json.loads(source_bytes(path, item)) for item in items] == records


def test_a_message_of_telethon(written):
    record = telethon(
        5,
        reply_to={"_": "MessageReplyHeader", "reply_to_msg_id": 3, "forum_topic": True},
        fwd_from={
            "_": "MessageFwdHeader",
            "date": "2023-12-31T20:00:00+00:00",
            "from_id": {"_": "PeerChannel", "channel_id": 55},
            "channel_post": 8,
        },
        edit_date="2024-01-02T11:00:00+00:00",
        media={"_": "MessageMediaDocument", "document": {"attributes": [{"file_name": "report.pdf"}]}},
        reactions={"results": [{"reaction": {"_": "ReactionEmoji", "emoticon": "👍"}, "count": 4}]},
        grouped_id=13,
        post_author="المحرر",
    )
    (post,) = posts(items_of(written(json.dumps([record])), zone="Asia/Damascus"))
    assert (post.posted_at, post.zone_source) == (WHEN, "offset")
    assert (post.author_id, post.author_name) == ("user77", "المحرر")
    assert (post.reply_to, post.views, post.reactions) == ("telegram:1234567890:3", 120, {"👍": 4})
    assert (post.forwarded_from, post.forwarded_local) == ("channel55", datetime(2023, 12, 31, 23))
    assert (post.media, post.edited_at) == (("report.pdf",), datetime(2024, 1, 2, 11, tzinfo=UTC))
    assert post.extra == {
        "grouped_id": 13,
        "post_author": "المحرر",
        "media": "MessageMediaDocument",
        "forwarded_from_id": "channel55",
    }


def test_telethon_before_2020(written):
    record = telethon(1, to_id={"_": "PeerChannel", "channel_id": 5}, from_id=77, date=1577872800)
    del record["peer_id"]
    record["reply_to_msg_id"] = 4
    del record["reply_to"]
    (post,) = posts(items_of(written(json.dumps([record]))))
    assert (post.post_id, post.author_id, post.reply_to) == ("telegram:5:1", "user77", "telegram:5:4")
    assert post.posted_at == datetime(2020, 1, 1, 10, tzinfo=UTC)


def test_times_that_were_printed_by_str(written):
    (post,) = posts(items_of(written(json.dumps([telethon(1, date="2024-01-02 10:00:00+00:00")]))))
    assert post.posted_at == WHEN


def fourcat(number: int, **more: object) -> dict[str, object]:
    """A message as 4CAT writes it, with epochs and looked-up peers."""
    record = {
        "id": number,
        "peer_id": {"channel_id": 1234567890, "_type": "PeerChannel"},
        "date": 1704189600.0,
        "message": "قصف",
        "from_id": None,
        "fwd_from": None,
        "media": None,
        "views": 7,
        "edit_date": None,
        "_chat": {"id": 1234567890, "title": "أخبار الحي", "username": "hayy", "_type": "Channel"},
        "_sender": {"id": 77, "first_name": "أبو", "last_name": "محمد", "username": None, "_type": "User"},
        "_chat_peer": {"channel_id": 1234567890, "_type": "PeerChannel"},
    }
    return record | more


def test_4cat(written):
    forward = {
        "date": 1704100000.0,
        "from_name": None,
        "_type": "MessageFwdHeader",
        "from_id": {"channel_id": 55, "chats": [{"id": 55, "username": "north", "title": "الشمال"}]},
    }
    poll = {
        "_type": "MessageMediaPoll",
        "poll": {"question": {"text": "متى؟"}, "answers": [{"text": "غداً"}, {"text": {"text": "اليوم"}}]},
    }
    records = [
        fourcat(1),
        fourcat(2, fwd_from=forward, _sender=None),
        fourcat(3, message="", media=poll),
        fourcat(4, message="", media={"_type": "MessageMediaPhoto", "photo": {"id": 5}}),
    ]
    path = written("".join(json.dumps(record) + "\n" for record in records), "4cat.ndjson")
    items = items_of(path)
    assert choose(export_of(path)).name == "telethon"
    first, second, third, fourth = posts(items)
    assert (first.posted_at, first.zone_source, first.group_name) == (WHEN, "epoch", "أخبار الحي")
    assert (first.author_id, first.author_name) == ("user77", "أبو محمد")
    assert (second.author_id, second.forwarded_from) == (None, "الشمال")
    assert (third.kind, third.text) == ("poll", "متى؟\nغداً\nاليوم")
    assert (fourth.text, fourth.media) == ("", ("photo",))


def test_lines_of_4cat_that_are_longer_than_the_head(written):
    long = [{"id": 1, "title": "x" * 90_000}]
    records = [{"restriction_reason": long, "reply_markup": None} | fourcat(number) for number in range(3)]
    path = written("".join(json.dumps(record) + "\n" for record in records), "4cat.ndjson")
    assert len(posts(items_of(path, "telethon"))) == 3


def test_telethon_with_damage(written):
    good = [json.dumps(telethon(number)) for number in range(4)]
    text = "[" + ", ".join([good[0], good[1][:-40], good[2], good[3][:60]])
    items = items_of(written(text))
    assert [post.native_id for post in posts(items)] == ["0", "2"]
    assert [item.reason for item in rejections(items)] == [Reason.BAD_JSON, Reason.TRUNCATED]


def test_pyrogram(written):
    record = {
        "_": "Message",
        "id": 5,
        "from_user": {"_": "User", "id": 77, "first_name": "ريم"},
        "date": "2024-01-02 13:00:00",
        "chat": {"_": "Chat", "id": -1001234567890, "type": "ChatType.SUPERGROUP", "title": "الحي"},
        "text": "قصف",
    }
    (post,) = posts(items_of(written(json.dumps([record])), zone="Asia/Damascus"))
    assert (post.post_id, post.group_name, post.author_id) == ("telegram:1234567890:5", "الحي", "user77")
    assert (post.text, post.author_name, post.posted_at) == ("قصف", "ريم", WHEN)


SCRAPED = (
    "id,message_id,date,sender_id,first_name,last_name,username,message,media_type,media_path,reply_to\n"
)


def test_telegram_scraper_csv(written):
    path = written(
        SCRAPED
        + '1,10,2024-01-02 10:00:00,77,أبو,محمد,,"قصف, على\nالحي",,,\n'
        + "2,11,2024-01-02 10:00:00,-1001234567890,,,hayy,,MessageMediaPhoto,./-1001234567890/media/11.jpg,10.0\n"
        + "3,12,soon,77,,,,x,,,\n4,13\n",
        "-1001234567890.csv",
    )
    items = items_of(path, zone="Asia/Damascus")
    first, second = posts(items)
    assert (first.post_id, first.posted_at, first.zone_source) == ("telegram:1234567890:10", WHEN, "offset")
    assert (first.text, first.author_id, first.author_name) == ("قصف, على\nالحي", "user77", "أبو محمد")
    assert (second.text, second.media, second.reply_to) == ("", ("11.jpg",), "telegram:1234567890:10")
    assert second.author_id == "channel1234567890"
    assert [item.reason for item in rejections(items)] == [Reason.BAD_TIME, Reason.BAD_ROW]
    assert source_bytes(path, second).decode().startswith("2,11,")


def test_telegram_scraper_json(written):
    record = {
        "id": 1,
        "message_id": 10,
        "date": "2024-01-02 10:00:00",
        "sender_id": 77,
        "first_name": "أبو",
        "username": None,
        "message": "قصف",
        "media_type": None,
        "reply_to": None,
        "views": 5,
        "reactions": '{"👍": 3}',
    }
    path = written(json.dumps([record, record | {"message_id": 11}], indent=4), "hayy.json")
    first, second = posts(items_of(path))
    assert (first.post_id, second.post_id) == ("telegram:hayy:10", "telegram:hayy:11")
    assert (first.posted_at, first.views, first.reactions) == (WHEN, 5, {"👍": 3})
    assert json.loads(source_bytes(path, first)) == record


def test_a_table_of_messages_by_another_program_is_no_scraper(written):
    path = written("message_id,date,message\n1,2024-01-02 10:00:00,x\n", "x.csv")
    assert choose(export_of(path)).name == "table"
    (post,) = posts(items_of(path))
    assert post.zone_source == "unknown"  # nothing says that it is UTC


SNSCRAPE = [
    {  # 2023
        "_type": "snscrape.modules.telegram.TelegramPost",
        "url": "https://t.me/s/hayy/10",
        "date": "2024-01-02T10:00:00+00:00",
        "content": "قصف",
        "outlinks": ["https://x.org"],
        "linkPreview": None,
    },
    {  # 2020, without a text
        "url": "https://t.me/hayy/11",
        "date": "2024-01-02T10:00:00+00:00",
        "content": None,
        "outlinks": [],
        "outlinksss": "",
    },
    {
        "_type": "snscrape.modules.telegram.TelegramPost",
        "url": "https://t.me/s/hayy/12?single",
        "date": "2024-01-02T10:00:00+00:00",
        "content": "x",
        "outlinks": [],
        "images": ["https://cdn/1.jpg"],
        "forwarded": {"username": "north", "title": "الشمال"},
        "views": 1200,
    },
    {"_type": "snscrape.modules.telegram.Channel", "username": "hayy"},
    {"url": "https://example.org", "date": "2024-01-02T10:00:00+00:00", "content": "x", "outlinks": []},
]


def test_snscrape_of_a_channel(written):
    path = written("".join(json.dumps(record) + "\n" for record in SNSCRAPE), "hayy.jsonl")
    assert choose(export_of(path)).name == "snscrape_telegram"
    items = items_of(path)
    first, second, third = posts(items)
    assert [post.post_id for post in posts(items)] == [f"telegram:hayy:{number}" for number in (10, 11, 12)]
    assert (first.posted_at, first.extra["outlinks"]) == (WHEN, ["https://x.org"])
    assert second.text == ""
    assert (third.media, third.forwarded_from, third.views) == (("https://cdn/1.jpg",), "الشمال", 1200)
    assert len(nonposts(items)) == 1
    assert [item.reason for item in rejections(items)] == [Reason.NO_ID]
    assert [json.loads(source_bytes(path, item)) for item in items] == SNSCRAPE
