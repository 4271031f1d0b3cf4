"""Values of the wrong type anywhere in a record cost that record at most: no reader breaks over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.json import encode
from reader_builders import items_of

from pipeline.records import NonPost, Post, Rejection

_TIME = "2021-04-08T19:34:16.000Z"
_V2 = {
    "id": "1380242611781386245",
    "text": "RT @a: قصف",
    "created_at": _TIME,
    "author_id": "7",
    "public_metrics": {"like_count": 3},
    "referenced_tweets": [{"type": "retweeted", "id": "5"}, {"type": "quoted", "id": "6"}],
    "attachments": {"media_keys": ["3_1"]},
    "geo": {"place_id": "p"},
    "edit_history_tweet_ids": ["1380242611781386245"],
    "entities": {"urls": [{"expanded_url": "x"}]},
}
_V1 = {
    "id_str": "5",
    "created_at": "Sat Dec 06 18:20:30 +0000 2014",
    "full_text": "RT @a: قصف…",
    "user": {"id_str": "9", "name": "A", "screen_name": "a"},
    "favorite_count": 3,
    "extended_entities": {"media": [{"type": "photo"}]},
    "retweeted_status": {"full_text": "قصف", "user": {"screen_name": "a"}},
}
_SCRAPED = {
    "_type": "snscrape.modules.twitter.Tweet",
    "date": _TIME,
    "rawContent": "قصف",
    "id": 5,
    "user": {"username": "a", "id": 9},
    "media": [{"fullUrl": "x"}],
    "links": [{"url": "x"}],
    "retweetedTweet": {"rawContent": "نعم", "user": {"username": "b"}},
}
_WEB = {
    "rest_id": "5",
    "core": {"user_results": {"result": {"rest_id": "9", "legacy": {"name": "A"}}}},
    "legacy": _V1,
    "views": {"count": "5"},
}
_LISTED = {
    "pk": "5",
    "taken_at": 1692450007,
    "caption": {"text": "قصف"},
    "user": {"pk": "9"},
    "like_count": 3,
}
_OWN = {
    "timestamp": 1451851620,
    "title": "a posted in b.",
    "data": [{"post": "قصف"}, {"update_timestamp": 1451860000}, {"comment": {"comment": "x", "author": "a"}}],
    "attachments": [{"data": [{"media": {"uri": "x"}}, {"external_context": {"url": "x"}}]}],
}
_LABELED = {
    "timestamp": 1751851620,
    "label_values": [
        {"label": "Message", "value": "قصف"},
        {"title": "x", "dict": [{"label": "Group", "value": "b"}]},
    ],
    "fbid": "4",
}


def _seen(platform: str, data: object) -> dict[str, Any]:
    return {"item_id": "5", "source_platform": platform, "timestamp_collected": 1692473383763, "data": data}


RECORDS: dict[str, tuple[str, Any]] = {
    "page": (
        "twarc",
        {"data": [_V2], "includes": {"users": [{"id": "7", "username": "a"}], "tweets": [_V2]}},
    ),
    "status": ("twarc", _V1),
    "scraped": ("snscrape", _SCRAPED),
    "web": ("zeeschuimer", _seen("x.com", _WEB)),
    "listed": ("zeeschuimer", _seen("instagram.com", _LISTED)),
    "posts": ("facebook_dyi", {"group_posts_v2": [_OWN]}),
    "labels": ("facebook_dyi", [_LABELED]),
    "archive": ("x_archive", [{"tweet": _V1}]),
}
WRONG = st.sampled_from(
    [None, 0, -1, 3.5, 1e300, True, "", "x", "9" * 30, [], {}, [None], [1], [[]], {"a": 1}, [{"id": []}]]
)


def places(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inside:
        yield (*at, step)
        yield from places(one, (*at, step))


def put(value: Any, at: tuple[Any, ...], new: object) -> Any:
    if not at:
        return new
    if isinstance(value, dict):
        return {name: put(one, at[1:], new) if name == at[0] else one for name, one in value.items()}
    return [put(one, at[1:], new) if step == at[0] else one for step, one in enumerate(value)]


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wrong_types(name, data, tmp_path: Path):
    reader, record = RECORDS[name]
    inside = [place for place in places(record) if place not in {("group_posts_v2",), ("data",)}]
    record = put(record, data.draw(st.sampled_from(inside)), data.draw(WRONG))
    path = tmp_path / "record"
    prefix = "window.YTD.tweets.part0 = " if reader == "x_archive" else ""
    path.write_text(prefix + json.dumps(record) + "\n")
    items = items_of(path, reader)
    assert items
    for item in items:
        assert isinstance(item, (Post, NonPost, Rejection))
        encode(item)
