"""Reddit's dumps: comments and submissions of several years."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from reader_builders import export_of, items_of, posts, rejections, source_bytes

from pipeline.readers import choose
from pipeline.records import Reason


def comment(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "author": "a", "body": "انفجار &gt; quote", "created_utc": 1451851620, "id": f"c{number}", "link_id": "t3_z",
        "parent_id": "t3_z", "score": 0, "subreddit": "syriancivilwar", "edited": False,
    } | more  # fmt: skip


def submission(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "author": "a", "title": "Aleppo &amp; Hama", "selftext": "", "created_utc": 1451851620, "id": f"s{number}",
        "subreddit": "syriancivilwar", "url": "https://x.org/a", "is_self": False, "num_comments": 4,
    } | more  # fmt: skip


def write(tmp_path: Path, *records: dict[str, Any], name: str = "RC_2016-01") -> Path:
    path = tmp_path / name
    path.write_text(
        "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize(
    "more",
    [{"created_utc": "1451851620"}, {"created_utc": 1451851620.0, "_meta": {"is_edited": True}}, {"author_fullname": "t2_x"}],
)  # fmt: skip
def test_comments_of_each_era(tmp_path, more):
    path = write(
        tmp_path,
        comment(1, **more),
        comment(2, parent_id="t1_c1", edited=1451851800.0, distinguished="moderator"),
    )
    assert choose(export_of(path)).name == "reddit"
    one, two = posts(items_of(path, zone="Asia/Damascus"))
    assert (one.post_id, one.kind, one.text) == ("reddit:syriancivilwar:t1_c1", "comment", "انفجار > quote")
    assert (one.posted_at, one.zone_source) == (datetime(2016, 1, 3, 20, 7, tzinfo=UTC), "epoch")
    assert (one.reply_to, two.reply_to) == ("reddit:syriancivilwar:t3_z", one.post_id)
    assert (two.edited_at, two.extra["distinguished"]) == (
        datetime(2016, 1, 3, 20, 10, tzinfo=UTC),
        "moderator",
    )
    assert one.extra["score"] == 0
    assert (one.author_name, one.author_id) == ("a", more.get("author_fullname", "a"))
    assert json.loads(source_bytes(path, two))["id"] == "c2"


def test_submissions(tmp_path):
    path = write(tmp_path, submission(1), submission(2, selftext="words", is_self=True), name="RS_2016-01")
    assert choose(export_of(path)).name == "reddit"
    link, words = posts(items_of(path))
    assert (link.post_id, link.kind, link.text) == ("reddit:syriancivilwar:t3_s1", "post", "Aleppo & Hama")
    assert (words.text, words.reply_to) == ("Aleppo & Hama\n\nwords", None)
    assert (link.extra["url"], link.extra["num_comments"]) == ("https://x.org/a", 4)


@pytest.mark.parametrize("body", ["[deleted]", "[removed]"])
def test_what_is_gone_is_marked(tmp_path, body):
    (post,) = posts(items_of(write(tmp_path, comment(1, author="[deleted]", body=body))))
    assert (post.author_name, post.text) == (None, body)
    assert post.extra["state"]


def test_a_long_window(tmp_path):
    path = tmp_path / "RC_2016-01.zst"
    raw = "".join(json.dumps(comment(number)) + "\n" for number in range(50)).encode()
    settings = zstandard.ZstdCompressionParameters.from_level(3, window_log=31)
    path.write_bytes(zstandard.ZstdCompressor(compression_params=settings).compress(raw))
    assert choose(export_of(path)).name == "reddit"
    assert len(posts(items_of(path))) == 50
    path.write_bytes(path.read_bytes()[:-20])
    assert Reason.TRUNCATED in {refused.reason for refused in rejections(items_of(path, "reddit"))}


def test_a_listing_of_the_programming_interface(tmp_path):
    path = tmp_path / "x.json"
    children = [{"kind": "t1", "data": comment(1)}, {"kind": "t3", "data": submission(2)}]
    path.write_text(json.dumps({"kind": "Listing", "data": {"after": None, "children": children}}))
    assert [post.native_id for post in posts(items_of(path))] == ["t1_c1", "t3_s2"]


def test_rejections(tmp_path):
    path = write(
        tmp_path,
        comment(1),
        comment(2, id=None),
        comment(3, created_utc="soon"),
        {"id": "x", "subreddit": "y"},
    )
    with path.open("a") as file:
        file.write('{"id": "c5", "bod')
    items = items_of(path, "reddit")
    assert [post.native_id for post in posts(items)] == ["t1_c1"]
    assert [refused.reason for refused in rejections(items)] == [
        Reason.NO_ID, Reason.BAD_TIME, Reason.NO_TEXT, Reason.TRUNCATED,
    ]  # fmt: skip


def test_neighbors_are_not_taken(tmp_path):
    for row in (
        {"id": 1, "text": "x", "date": 1704189600},
        {"id": 1, "body": "x", "created_utc": 1704189600},
    ):
        path = write(tmp_path, row, row, name="x.jsonl")
        assert choose(export_of(path), "auto", ("body", "created_utc")).name != "reddit"
