"""yt-dlp's comments and live chats."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from reader_builders import export_of, items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import choose
from pipeline.records import Reason


def comment(number: str = "UgxA", **more: Any) -> dict[str, Any]:
    return {
        "id": number, "parent": "root", "text": "الله يرحمهم", "like_count": 5, "author_id": "UC1", "author": "@a",
        "author_is_uploader": False, "_time_text": "7 years ago", "timestamp": 1479081600,
    } | more  # fmt: skip


def video(*comments: object, **more: Any) -> dict[str, Any]:
    return {
        "id": "dQw4w9WgXcQ", "title": "قصف حلب", "formats": [{"format_id": "18", "url": "x"}], "upload_date": "20160103",
        "extractor": "youtube", "extractor_key": "Youtube", "webpage_url": "https://youtube.com/watch?v=dQw4w9WgXcQ",
        "comment_count": len(comments), "comments": list(comments), "epoch": 1700000000,
    } | more  # fmt: skip


def write(tmp_path: Path, document: object, name: str = "x.info.json", indent: int | None = None) -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document, ensure_ascii=False, indent=indent), encoding="utf-8")
    return path


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("title_behind", [False, True])
def test_comments(tmp_path, indent, title_behind):
    document = video(comment(), comment("UgxA.B1", parent="UgxA", _time_text="7 years ago (edited)"), comment("UgxC", text="", timestamp=None, _time_text=""))  # fmt: skip
    if title_behind:
        document["title"] = document.pop("title")
    path = write(tmp_path, document, indent=indent)
    assert choose(export_of(path)).name == "youtube"
    one, answer, empty = items_of(path)
    assert (one.post_id, one.kind, one.group_name) == ("youtube:dQw4w9WgXcQ:UgxA", "comment", "قصف حلب")
    assert (one.author_name, one.author_id, one.reactions) == ("@a", "UC1", {"like": 5})
    assert (one.reply_to, answer.reply_to) == (None, one.post_id)
    assert (one.time_precision, one.posted_at) == ("estimate", datetime(2016, 11, 14, tzinfo=UTC))
    first, last = one.extra["posted_between"]
    assert first < "2015-11-14" < last
    assert answer.extra["edited"] is True
    assert (empty.text, empty.posted_at, empty.time_precision) == ("", None, "unknown")
    assert json.loads(source_bytes(path, answer))["id"] == "UgxA.B1"


def test_a_long_description_before_the_comments(tmp_path):
    formats = [{"format_id": str(number), "url": "https://x.org/" + "u" * 400} for number in range(400)]
    path = write(tmp_path, video(comment(), formats=formats) | {"comments": [comment()]})
    assert choose(export_of(path)).name == "youtube"
    assert len(posts(items_of(path))) == 1


def test_no_comments(tmp_path):
    assert items_of(write(tmp_path, video())) == []
    with pytest.raises(ExportError, match="comments"):
        items_of(write(tmp_path, video(comments=None)))


def test_broken_comments(tmp_path):
    path = write(tmp_path, video(comment(), comment("", text="x"), comment("U2", text=["x"]), comment("U3")))
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["UgxA", "U3"]
    assert [refused.reason for refused in rejections(items)] == [Reason.NO_ID, Reason.NO_TEXT]
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(b'"U3"')])
    items = items_of(path)
    assert [post.native_id for post in posts(items)] == ["UgxA"]
    assert rejections(items)[-1].reason == Reason.TRUNCATED


def action(kind: str = "liveChatTextMessageRenderer", **more: Any) -> dict[str, Any]:
    words = {
        "message": {"runs": [{"text": "قصف "}, {"emoji": {"emojiId": "😢", "shortcuts": [":cry:"]}}]},
        "authorName": {"simpleText": "أ"}, "id": "Cj1", "timestampUsec": "1700000000123456", "authorExternalChannelId": "UC1",
    } | more  # fmt: skip
    added = {"clickTrackingParams": "x", "addChatItemAction": {"item": {kind: words}, "clientId": "c"}}
    return {"replayChatItemAction": {"actions": [added], "videoOffsetTimeMsec": "1200"}}


def test_live_chat(tmp_path):
    path = tmp_path / "title [dQw4w9WgXcQ].live_chat.json"
    other = {
        "clickTrackingParams": "x",
        "replayChatItemAction": {"actions": [{"addLiveChatTickerItemAction": {}}]},
    }
    paid = action("liveChatPaidMessageRenderer", id="Cj2", purchaseAmountText={"simpleText": "$5.00"})
    rows = [action(), paid, other, action(id="Cj3", timestampUsec="soon")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert choose(export_of(path)).name == "youtube"
    items = items_of(path, zone="Asia/Damascus")
    one, two = posts(items)
    assert (one.post_id, one.text, one.author_name) == ("youtube:dQw4w9WgXcQ:Cj1", "قصف 😢", "أ")
    assert (one.posted_at, one.time_precision) == (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), "second")
    assert (two.extra["amount"], two.extra["chat_item"]) == ("$5.00", "PaidMessage")
    assert [told.what for told in nonposts(items)] == ["live chat: addLiveChatTickerItemAction"]
    assert [refused.reason for refused in rejections(items)] == [Reason.BAD_TIME]
    assert json.loads(source_bytes(path, two)) == paid
