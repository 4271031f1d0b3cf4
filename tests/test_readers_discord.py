"""DiscordChatExporter's JSON of several years."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import export_of, items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import choose, missing_files
from pipeline.records import Reason

AUTHOR = {
    "id": "700",
    "name": "rim",
    "discriminator": "0000",
    "nickname": "ريم",
    "color": None,
    "isBot": False,
    "roles": [{"id": "1", "name": "x"}],
    "avatarUrl": "https://cdn/a.png",
}


def message(number: int, **more: object) -> dict[str, object]:
    """A message of 2025."""
    record: dict[str, object] = {
        "id": str(10**18 + number),
        "type": "Default",
        "timestamp": "2024-01-02T13:00:00.123+03:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": f"قصف {number}",
        "author": AUTHOR,
        "attachments": [],
        "components": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
    }
    return record | more


def document(*messages: object, **more: object) -> dict[str, object]:
    return {
        "guild": {"id": "1", "name": "الحي", "iconUrl": "https://cdn/i.png"},
        "channel": {"id": "42", "type": "GuildTextChat", "categoryId": "3", "category": "news", "name": "عام", "topic": None},
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2025-01-01T00:00:00+00:00",
        "messages": list(messages),
        "messageCount": len(messages),
    } | more  # fmt: skip


@pytest.fixture
def written(tmp_path: Path):
    def write(value: object, name: str = "Guild - general [42].json", indent: int | None = 2) -> Path:
        path = tmp_path / name
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=indent)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_channel(written):
    path = written(
        document(message(1), message(2, type="GuildMemberJoin", content="Joined the server."), message(3))
    )
    assert choose(export_of(path)).name == "discord"
    items = items_of(path, zone="Asia/Damascus")
    first, third = posts(items)
    assert [item.what for item in nonposts(items)] == ["GuildMemberJoin: Joined the server."]
    assert (first.post_id, first.text) == ("discord:42:1000000000000000001", "قصف 1")
    assert (first.posted_at, first.zone_source) == (datetime(2024, 1, 2, 10, tzinfo=UTC), "offset")
    assert (first.author_id, first.author_name, first.group_name) == ("700", "ريم", "الحي / عام")
    assert first.extra == {"author_username": "rim", "category": "news"}
    assert json.loads(source_bytes(path, third))["content"] == "قصف 3"


def test_answers_forwards_and_what_is_attached(written):
    path = written(
        document(
            message(
                1,
                type="Reply",
                reference={"messageId": "9", "channelId": "42", "guildId": "1"},
                timestampEdited="2024-01-02T14:00:00+03:00",
                attachments=[
                    {"id": "5", "url": "https://cdn/a.jpg", "fileName": "a.jpg", "fileSizeBytes": 9}
                ],
                stickers=[{"id": "6", "name": "wave", "format": "Png", "sourceUrl": "https://cdn/s.png"}],
                reactions=[{"emoji": {"id": "", "name": "👍", "code": "thumbsup"}, "count": 3, "users": []}],
                mentions=[AUTHOR],
                isPinned=True,
            ),
            message(2, type="Reply", reference={"messageId": "9", "channelId": "77", "guildId": "1"}),
            message(
                3,
                content="",
                reference={"type": "Forward", "messageId": "9", "channelId": "77", "guildId": "1"},
                forwardedMessage={
                    "timestamp": "2023-12-31T20:00:00+00:00",
                    "content": "نص منقول",
                    "attachments": [{"id": "5", "url": "u", "fileName": "b.jpg", "fileSizeBytes": 9}],
                },
            ),
        )
    )
    first, second, third = posts(items_of(path))
    assert first.reply_to == "discord:42:9"
    assert (first.media, first.reactions) == (("a.jpg", "wave"), {"👍": 3})
    assert first.edited_at == datetime(2024, 1, 2, 11, tzinfo=UTC)
    assert first.extra["mentioned_users"] == ["700"]
    assert first.extra["attachments"] == ["https://cdn/a.jpg"]
    assert first.extra["pinned"] is True
    assert second.reply_to == "discord:77:9"
    assert (third.text, third.reply_to, third.forwarded_from) == ("نص منقول", None, "77")
    assert (third.forwarded_local, third.media) == (datetime(2023, 12, 31, 20), ("b.jpg",))


def test_the_first_versions(written):
    """2019: no nickname, no edits of the type, no exportedAt."""
    old = {
        "id": "5",
        "type": "Default",
        "timestamp": "2019-12-05T12:00:00.5+00:00",
        "timestampEdited": None,
        "isPinned": False,
        "content": "first",
        "author": {"id": "7", "name": "rim", "discriminator": "0001", "isBot": True, "avatarUrl": "u"},
        "attachments": [],
        "embeds": [{"title": "t", "description": "d"}],
        "reactions": [],
    }
    whole = document(old, old | {"id": "6", "type": "ChannelPinnedMessage", "content": "Pinned a message."})
    del whole["exportedAt"]
    items = items_of(written(whole, indent=None))
    (post,) = posts(items)
    assert (post.author_name, post.posted_at) == ("rim", datetime(2019, 12, 5, 12, tzinfo=UTC))
    assert post.extra["embeds"] == [{"title": "t", "description": "d"}]
    assert post.extra["author_is_bot"] is True
    assert len(nonposts(items)) == 1


def test_types_without_a_name(written):
    kinds = {
        "20": posts,
        "19": posts,
        "ApplicationCommand": posts,
        "8": nonposts,
        "21": nonposts,
        "Call": nonposts,
    }
    for kind, sort in kinds.items():
        assert len(sort(items_of(written(document(message(1, type=kind)))))) == 1, kind


def test_a_direct_chat(written):
    path = written(
        document(
            message(1),
            guild={"id": "0", "name": "Direct Messages"},
            channel={"id": "8", "type": "DirectTextChat", "name": "rim"},
        )
    )
    (post,) = posts(items_of(path))
    assert post.extra["chat_type"] == "personal_chat"


def test_the_number_that_is_declared_is_not_believed(written):
    assert len(posts(items_of(written(document(message(1), message(2), messageCount=1))))) == 2
    assert items_of(written(document())) == []


def test_damage(written):
    whole = json.dumps(document(*(message(number) for number in range(5))), ensure_ascii=False, indent=2)
    cut = items_of(written(whole[: whole.rindex('"timestamp"')]))
    assert len(posts(cut)) == 4
    assert [item.reason for item in rejections(cut)] == [Reason.TRUNCATED]
    spoiled = items_of(written(whole.replace('"content": "قصف 2",', '"content": "قصف 2,')))
    assert [post.text for post in posts(spoiled)] == ["قصف 0", "قصف 1", "قصف 3", "قصف 4"]
    assert [item.reason for item in rejections(spoiled)] == [Reason.BAD_JSON]
    timeless = items_of(written(document(message(1), {"id": "4", "type": "Default", "content": "x"})))
    assert [item.reason for item in rejections(timeless)] == [Reason.NO_TIME]


def test_parts():
    names = ["a [9].json", "a [9] [part 4].json", "a [9] [part 2].json"]
    assert missing_files([(name, "discord") for name in names]) == ["a [9] [part 3].json"]
    assert missing_files([("a.json", "discord"), ("b [part 2].json", "discord")]) == ["b.json"]


@pytest.mark.parametrize("text", ['{"guild": {"id": "1"}, "channel": {"id": "2"}}', '{"messages": []}', "[]"])
def test_what_is_no_export_of_discord(written, text):
    with pytest.raises(ExportError):
        items_of(written(text))
