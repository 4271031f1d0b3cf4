"""Zeeschuimer's NDJSON of many platforms, the same handed on by 4CAT, and 4CAT's CSV."""

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

TIME = datetime(2023, 8, 19, 13, 0, 7, tzinfo=UTC)
SECONDS = 1692450007


def line(platform: str, data: dict[str, Any], era: str = "envelope") -> str:
    envelope = {
        "nav_index": "23:1:0",
        "item_id": "777",
        "timestamp_collected": 1692473383763,
        "source_platform": platform,
        "source_platform_url": f"https://{platform}/x/",
        "user_agent": "Mozilla/5.0",
    }
    record = envelope | {"data": data} if era == "envelope" else data | {"__import_meta": envelope}
    return json.dumps(record, ensure_ascii=False) + "\n"


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "zeeschuimer-export.ndjson") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def web_tweet(**more: Any) -> dict[str, Any]:
    user = {"rest_id": "9", "legacy": {"name": "Abu", "screen_name": "abu"}}
    legacy = {
        "created_at": "Sat Aug 19 13:00:07 +0000 2023",
        "full_text": "قصف &amp; دخان",
        "favorite_count": 3,
        "user_id_str": "9",
        "id_str": "31",
    }
    return {
        "rest_id": "31",
        "core": {"user_results": {"result": user}},
        "views": {"count": "55"},
        "legacy": legacy | more.pop("legacy", {}),
    } | more


PLATFORMS: dict[str, tuple[str, dict[str, Any], tuple[str, str, str, str | None]]] = {
    "Instagram list": (
        "instagram.com",
        {
            "pk": "31",
            "code": "Cw",
            "taken_at": SECONDS,
            "caption": {"text": "قصف"},
            "user": {"pk": "9", "full_name": "Abu", "username": "abu"},
            "like_count": 3,
        },
        ("instagram", "31", "قصف", "Abu"),
    ),
    "Instagram graph": (
        "instagram.com",
        {
            "__typename": "GraphImage",
            "id": "31",
            "shortcode": "Cw",
            "taken_at_timestamp": SECONDS,
            "edge_media_to_caption": {"edges": [{"node": {"text": "قصف"}}]},
            "owner": {"id": "9", "username": "abu"},
            "edge_media_preview_like": {"count": 3},
        },
        ("instagram", "31", "قصف", "abu"),
    ),
    "Instagram without words": (
        "instagram.com",
        {"pk": "31", "taken_at": SECONDS, "caption": None, "user": {"pk": "9"}},
        ("instagram", "31", "", None),
    ),
    "TikTok": (
        "tiktok.com",
        {
            "id": "31",
            "desc": "قصف",
            "createTime": str(SECONDS),
            "author": {"id": "9", "nickname": "Abu", "uniqueId": "abu"},
            "stats": {"diggCount": 3, "playCount": 55},
        },
        ("tiktok", "31", "قصف", "Abu"),
    ),
    "TikTok page": (
        "tiktok.com",
        {"id": "31", "desc": "قصف", "createTime": SECONDS, "author": "abu", "nickname": "Abu"},
        ("tiktok", "31", "قصف", "Abu"),
    ),
    "TikTok comment": (
        "tiktok-comments",
        {
            "cid": "31",
            "text": "قصف",
            "create_time": SECONDS,
            "aweme_id": "30",
            "reply_id": "0",
            "user": {"uid": "9", "nickname": "Abu"},
        },
        ("tiktok", "31", "قصف", "Abu"),
    ),
    "X": ("twitter.com", web_tweet(), ("x", "31", "قصف & دخان", "Abu")),
    "X of 2025": (
        "x.com",
        web_tweet(
            core={"user_results": {"result": {"rest_id": "9", "core": {"name": "Abu", "screen_name": "abu"}}}}
        ),
        ("x", "31", "قصف & دخان", "Abu"),
    ),
    "X, limited": ("twitter.com", {"tweet": web_tweet()}, ("x", "31", "قصف & دخان", "Abu")),
    "X, long": (
        "x.com",
        web_tweet(note_tweet={"note_tweet_results": {"result": {"text": "قصف طويل"}}}),
        ("x", "31", "قصف طويل", "Abu"),
    ),
    "X, shared": (
        "x.com",
        web_tweet(
            legacy={
                "full_text": "RT @abu: قصف…",
                "retweeted_status_result": {"result": {"tweet": web_tweet()}},
            }
        ),
        ("x", "31", "RT @abu: قصف & دخان", "Abu"),
    ),
    "X of 2022": (
        "twitter.com",
        {
            "id": "31",
            "type": "adaptive",
            "legacy": web_tweet()["legacy"],
            "user": {"id_str": "9", "name": "Abu", "screen_name": "abu"},
        },
        ("x", "31", "قصف & دخان", "Abu"),
    ),
    "Threads": (
        "threads.net",
        {
            "pk": "31",
            "code": "Cw",
            "taken_at": SECONDS,
            "caption": {"text": "قصف"},
            "user": {"pk": "9", "username": "abu"},
        },
        ("threads", "31", "قصف", "abu"),
    ),
    "Facebook": (
        "facebook.com",
        {
            "comet_sections": {
                "content": {
                    "story": {
                        "post_id": "31",
                        "wwwURL": "https://www.facebook.com/groups/5/posts/31",
                        "message": {"text": "قصف"},
                        "actors": [{"id": "9", "name": "Abu"}],
                    }
                },
                "context_layout": {
                    "story": {"comet_sections": {"metadata": [{}, {"story": {"creation_time": SECONDS}}]}}
                },
            }
        },
        ("facebook", "31", "قصف", "Abu"),
    ),
    "LinkedIn": (
        "linkedin.com",
        {
            "updateMetadata": {"urn": f"urn:li:activity:{(SECONDS * 1000) << 22}"},
            "commentary": {"text": {"text": "قصف"}},
            "actor": {"name": {"text": "Abu"}},
        },
        ("linkedin", str((SECONDS * 1000) << 22), "قصف", "Abu"),
    ),
    "Truth Social": (
        "truthsocial.com",
        {
            "id": "31",
            "created_at": "2023-08-19T13:00:07.000Z",
            "content": "<p>قصف &amp; دخان<br/>ثان</p><p>ثالث</p>",
            "account": {"id": "9", "display_name": "Abu", "username": "abu"},
        },
        ("truthsocial", "31", "قصف & دخان\nثان\nثالث", "Abu"),
    ),
    "a platform of tomorrow": (
        "example.org",
        {"id": "31", "text": "قصف", "created_at": SECONDS, "author": "Abu"},
        ("example", "31", "قصف", "Abu"),
    ),
}


@pytest.mark.parametrize("era", ["envelope", "4CAT"])
@pytest.mark.parametrize("name", PLATFORMS)
def test_platforms(written, name, era):
    called, data, expected = PLATFORMS[name]
    path = written(line(called, data, era) * 2)
    assert choose(export_of(path)).name == "zeeschuimer"
    items = items_of(path)
    assert len(items) == 2
    for post in posts(items):
        assert (post.platform, post.native_id, post.text, post.author_name) == expected
        assert post.posted_at == TIME
        assert json.loads(source_bytes(path, post))
    assert (posts(items)[0].kind == "comment") == ("comment" in name)
    if name == "Facebook":
        assert posts(items)[0].group_id == "5"
    if name.startswith("X"):
        assert posts(items)[0].reactions == {"like": 3}


def test_what_is_no_post_and_what_is_broken(written):
    good = line(*PLATFORMS["X"][:2])
    advertisement = line("x.com", {"__typename": "TweetTombstone", "tombstone": {"text": "x"}})
    timeless = line("instagram.com", {"pk": "1", "caption": {"text": "x"}})
    path = written(good + advertisement + timeless + "[]\n\n" + good + good[:80])
    items = items_of(path)
    assert (len(posts(items)), len(nonposts(items))) == (2, 1)
    assert [rejection.reason for rejection in rejections(items)] == [
        Reason.NO_TIME,
        Reason.NOT_AN_OBJECT,
        Reason.TRUNCATED,
    ]


def test_the_comments_of_facebook_come_several_in_a_line(written):
    def node(number: int, **more: Any) -> dict[str, Any]:
        words = {"legacy_fbid": str(number), "body": {"text": f"نعم {number}"}, "created_time": SECONDS}
        return {"node": words | {"author": {"id": "9", "name": "Abu"}} | more}

    replies = {"feedback": {"replies_connection": {"edges": [node(3)]}}}
    data = {
        "id": "f",
        "comment_rendering_instance_for_feed_location": {
            "comments": {"edges": [node(1), node(2, **replies)]}
        },
    }
    found = posts(items_of(written(line("facebook-comments", data))))
    assert [(post.native_id, post.text, post.kind) for post in found] == [
        ("1", "نعم 1", "comment"),
        ("2", "نعم 2", "comment"),
        ("3", "نعم 3", "comment"),
    ]


# 4CAT's CSV

DATASETS = {
    "instagram": (
        "id,thread_id,parent_id,body,author,author_fullname,timestamp,type,url,thumbnail_url,hashtags,usertags,"
        "num_likes,num_comments,unix_timestamp\n"
        '31,30,30,"قصف\nثان",abu,Abu,2023-08-19 13:00:07,comment,,,,,3,0,1692450007\n',
        ("instagram", "comment", {"like": 3}, "Abu"),
    ),
    "x": (
        "id,thread_id,timestamp,unix_timestamp,link,body,author,author_fullname,author_id,retweet_count,"
        "like_count,impression_count,is_retweet,missing_fields\n"
        '31,31,2023-08-19 13:00:07,1692450007,https://x.com/abu/status/31,"قصف\nثان",abu,Abu,9,1,3,55,no,\n',
        ("x", "post", {"like": 3}, "Abu"),
    ),
    "tiktok": (
        "id,thread_id,author,author_full,body,timestamp,is_duet,music_name,tiktok_url,likes,plays\n"
        '31,31,abu,Abu,"قصف\nثان",2023-08-19 13:00:07,False,m,https://t/31,3,55\n',
        ("tiktok", "post", {"like": 3}, "Abu"),
    ),
    "epoch as timestamp": (
        'id,thread_id,body,author,timestamp\n31,31,"قصف\nثان",Abu,1692450007\n',
        ("other", "post", {}, "Abu"),
    ),
}


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_of_4cat(written, name):
    text, (platform, kind, reactions, author) = DATASETS[name]
    path = written(text, "dataset.csv")
    assert choose(export_of(path)).name == "fourcat"
    (post,) = posts(items_of(path, group="g"))
    assert (post.platform, post.native_id, post.kind) == (platform, "31", kind)
    assert (post.text, post.posted_at, post.author_name) == ("قصف\nثان", TIME, author)
    assert post.reactions == reactions
    assert "قصف" in source_bytes(path, post).decode()
    if name == "instagram":
        assert post.reply_to == "instagram:g:30"
        assert post.extra["author"] == "abu"


def test_a_broken_dataset_and_neighbors(written):
    head = "id,thread_id,timestamp,body,author\n"
    rows = '1,1,2023-08-19 13:00:07,نص,A\n2,2,never,نص,A\n3,3\n4,4,2023-08-19 13:00:07,"open,A\n5,5,2023-08-19 13:00:07,نص,A\n'
    items = items_of(written(head + rows, "d.csv"))
    assert [post.native_id for post in posts(items)] == ["1", "5"]
    assert [rejection.reason for rejection in rejections(items)] == [
        Reason.BAD_TIME,
        Reason.BAD_ROW,
        Reason.BAD_ROW,
    ]
    for other in ("id,body,timestamp\n1,x,2023-08-19 13:00:07\n", "id,text,created_at\n1,x,2023-08-19\n"):
        try:
            assert choose(export_of(written(other, "d.csv"))).name == "table"
        except ExportError as error:
            assert "no reader" in str(error)  # noqa: PT017
