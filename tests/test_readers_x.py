"""X: pages and lines of twarc, archives of accounts, snscrape."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from reader_builders import export_of, items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import choose
from pipeline.readers.x_archive import missing
from pipeline.records import Reason

SECOND = datetime(2021, 4, 8, 19, 34, 16, tzinfo=UTC)


def tweet(number: int, text: str = "قصف &amp; دخان", **more: Any) -> dict[str, Any]:
    """A tweet of the second interface."""
    fields = {
        "id": f"13802426117813862{number:02}",
        "text": text,
        "author_id": "7",
        "created_at": "2021-04-08T19:34:16.000Z",
        "conversation_id": "1",
        "public_metrics": {"retweet_count": 2, "reply_count": 0, "like_count": 5, "impression_count": 90},
    }
    return {name: value for name, value in (fields | more).items() if value is not None}


def status(number: int, **more: Any) -> dict[str, Any]:
    """A status of the first interface."""
    fields = {
        "id": number,
        "id_str": str(number),
        "created_at": "Sat Dec 06 18:20:30 +0000 2014",
        "full_text": "قصف &lt;3",
        "truncated": False,
        "user": {"id": 9, "id_str": "9", "name": "Abu", "screen_name": "abu"},
        "retweet_count": 1,
        "favorite_count": 3,
        "entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://example.org/a"}]},
    }
    return {name: value for name, value in (fields | more).items() if value is not None}


def lines(*objects: object) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "tweets.jsonl") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


USERS = [{"id": "7", "name": "Umm", "username": "umm"}, {"id": "8", "name": "Source", "username": "src"}]


def page(*tweets: object, **includes: object) -> dict[str, Any]:
    return {
        "data": list(tweets),
        "includes": {"users": USERS} | includes,
        "meta": {"result_count": len(tweets)},
    }


def test_pages_of_the_second_interface(written):
    original = tweet(1, text="الأصل كاملا وهو أطول", author_id="8")
    retweet = tweet(
        2, text="RT @src: الأصل…", referenced_tweets=[{"type": "retweeted", "id": original["id"]}]
    )
    reply = tweet(3, referenced_tweets=[{"type": "replied_to", "id": "55"}])
    first = page(retweet, reply, tweets=[original, tweet(9, text="an older version")])
    path = written(lines(first, page(tweet(4)), {"data": [], "meta": {"result_count": 0}}))
    assert choose(export_of(path)).name == "twarc"
    items = items_of(path, group="g")
    one, two, three = posts(items)
    assert (one.text, one.forwarded_from) == ("RT @src: الأصل كاملا وهو أطول", "src")
    assert one.extra["text_printed"] == "RT @src: الأصل…"
    assert (two.reply_to, two.author_name, two.author_id, two.views) == ("x:g:55", "Umm", "7", 90)
    assert (two.text, two.posted_at, two.reactions) == ("قصف & دخان", SECOND, {"like": 5})
    assert three.post_id == "x:g:1380242611781386204"
    assert len(nonposts(items)) == 2  # the older version, and the empty page
    for post in (one, two, three):
        assert json.loads(source_bytes(path, post))["id"] == post.native_id


def test_flattened_lines_and_streams(written):
    flat = tweet(1, author=USERS[0], geo={"place_id": "p", "full_name": "Hama"})
    streamed = {"data": tweet(2), "includes": {"users": USERS}, "matching_rules": [{"id": 1}]}
    failed = {"errors": [{"title": "ConnectionException"}], "title": "ConnectionException"}
    items = items_of(written(lines(flat, streamed, failed)))
    assert [post.author_name for post in posts(items)] == ["Umm", "Umm"]
    assert posts(items)[0].extra["geo"]["full_name"] == "Hama"
    assert len(nonposts(items)) == 1


def test_the_first_interface_in_all_of_its_text_modes(written):
    long = status(1, full_text=None, text="قصف…", truncated=True, extended_tweet={"full_text": "قصف طويل"})
    cut = status(2, full_text=None, text="قصف…", truncated=True)
    retweet = status(
        3,
        full_text="RT @src: الأصل…",
        retweeted_status=status(4, full_text="الأصل كاملا", user={"id_str": "8", "screen_name": "src"}),
    )
    quote = status(5, quoted_status=status(6, full_text="المقتبس"), in_reply_to_status_id_str="2")
    path = written(lines(long, cut, retweet, quote, {"delete": {"status": {"id": 1}}}))
    items = items_of(path, group="g")
    texts = [post.text for post in posts(items)]
    assert texts == ["قصف طويل", "قصف…", "RT @src: الأصل كاملا", "قصف <3"]
    assert posts(items)[1].extra["text_truncated"] is True
    assert posts(items)[2].forwarded_from == "src"
    assert posts(items)[3].extra["quoted"]["text"] == "المقتبس"
    assert posts(items)[3].reply_to == "x:g:2"
    assert posts(items)[3].extra["links"] == ["https://example.org/a"]
    assert posts(items)[0].posted_at == datetime(2014, 12, 6, 18, 20, 30, tzinfo=UTC)
    assert len(nonposts(items)) == 1


@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_and_pretty_pages(written, indent):
    for document in ([status(1), status(2)], {"statuses": [status(1), status(2)]}, page(tweet(1), tweet(2))):
        path = written(json.dumps(document, indent=indent), "tweets.json")
        assert choose(export_of(path)).name == "twarc"
        assert len(posts(items_of(path))) == 2


def test_a_tweet_without_its_time_has_it_in_its_id(written):
    (post,) = posts(items_of(written(lines(tweet(45, created_at=None, edit_history_tweet_ids=None)))))
    assert (post.posted_at.replace(microsecond=0), post.extra["time_from"]) == (SECOND, "id")


def test_an_edit_goes_under_the_first_id(written):
    first, second = "1576994746135764992", "1576994789110992896"
    edited = tweet(
        1, id=second, created_at="2022-10-03T17:57:11.000Z", edit_history_tweet_ids=[first, second]
    )
    (post,) = posts(items_of(written(lines(edited))))
    assert (post.native_id, post.extra["tweet_id"]) == (first, second)
    assert post.posted_at.replace(microsecond=0) == datetime(2022, 10, 3, 17, 57, 1, tzinfo=UTC)
    assert post.edited_at == datetime(2022, 10, 3, 17, 57, 11, tzinfo=UTC)


def test_a_page_that_is_cut_gives_its_whole_tweets(written):
    whole = json.dumps(page(tweet(1), tweet(2), tweet(3)), ensure_ascii=False)
    cut = whole[: whole.index(tweet(3)["id"]) + 5]
    path = written(lines(page(tweet(4))) + cut)
    items = items_of(path)
    assert [post.native_id[-2:] for post in posts(items)] == ["04", "01", "02"]
    (rejection,) = rejections(items)
    assert rejection.reason == Reason.TRUNCATED
    for post in posts(items):
        assert json.loads(source_bytes(path, post))["id"] == post.native_id


def test_what_is_no_tweet(written):
    for other in (
        {"data": USERS, "meta": {}},
        {"data": [{"start": "2021", "end": "2021", "tweet_count": 4}]},
        {"id": "1", "action": "delete", "created_at": "2021-04-08T19:34:16.000Z"},
        {"id": 1, "text": "قصف", "date": 1704189600},
        {"data": [{"id": "1_2", "message": "قصف", "created_time": "2016-01-03T20:07:00+0000"}]},
    ):
        try:
            name = choose(export_of(written(lines(other, other)))).name
        except ExportError:
            continue
        assert name != "twarc"
    path = written(
        lines(tweet(1), {"id": "7", "name": "Umm", "username": "umm", "public_metrics": {}}) + "[1]\nno\n"
    )
    items = items_of(path)
    assert (len(posts(items)), len(nonposts(items)), len(rejections(items))) == (1, 1, 2)


# the archive of an account


def archive(*tweets: dict[str, Any], name: str = "tweets", part: int = 0) -> str:
    return f"window.YTD.{name}.part{part} = " + json.dumps(list(tweets), ensure_ascii=False, indent=2)


OWN = {"user": None, "favorite_count": "3", "retweet_count": "1"}


def test_archives_of_three_eras(written, tmp_path):
    new = archive({"tweet": status(1, **OWN)}, {"tweet": status(2, in_reply_to_status_id_str="1", **OWN)})
    old = archive(status(1, **OWN), name="tweet")
    oldest = "Grailbird.data.tweets_2014_05 = \n" + json.dumps(
        [status(1, full_text=None, text="قصف", created_at="2014-05-30 12:00:00 +0000")]
    )
    for text, name, count in ((new, "tweets.js", 2), (old, "tweet.js", 1), (oldest, "2014_05.js", 1)):
        path = written(text, name)
        assert choose(export_of(path)).name == "x_archive"
        items = items_of(path, group="g")
        assert len(posts(items)) == len(items) == count
        for post in posts(items):
            assert post.native_id in source_bytes(path, post).decode()
    first, second = posts(items_of(tmp_path / "tweets.js", group="g"))
    assert (first.text, first.reactions, second.reply_to) == ("قصف <3", {"like": 3}, "x:g:1")


def test_a_zipped_archive_names_its_account(tmp_path):
    path = tmp_path / "twitter-2025.zip"
    account = {
        "account": {"accountId": "9", "username": "abu", "accountDisplayName": "Abu", "email": "a@b.c"}
    }
    retweet = status(3, full_text="RT @src: الأصل…", **OWN)
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("data/account.js", archive(account, name="account"))
        pack.writestr("data/tweets.js", archive({"tweet": status(1, **OWN)}, {"tweet": retweet}))
        pack.writestr("data/tweets-part1.js", archive({"tweet": status(2, **OWN)}, part=1))
        pack.writestr("data/deleted-tweets.js", archive({"tweet": status(4, **OWN)}, name="deleted_tweets"))
        pack.writestr("data/like.js", archive({"like": {"tweetId": "5", "fullText": "x"}}, name="like"))
    items = items_of(path)
    found = posts(items)
    assert sorted(post.native_id for post in found) == ["1", "2", "3", "4"]
    assert {(post.author_id, post.author_name) for post in found} == {("9", "Abu")}
    (cut,) = (post for post in found if post.native_id == "3")
    assert (cut.forwarded_from, cut.extra["text_truncated"]) == ("src", True)
    assert not rejections(items)


def test_missing_parts_and_broken_archives(written):
    assert missing(["tweets-part2.js", "like.js"], []) == ["tweets.js", "tweets-part1.js"]
    assert missing(["tweet.js"], []) == []
    whole = archive({"tweet": status(1, **OWN)}, {"tweet": status(2, **OWN)}, {"tweet": status(3, **OWN)})
    path = written(whole[:-60].replace('"id_str": "2"', '"id_str": 2"'), "tweets.js")
    items = items_of(path)
    assert [post.native_id for post in posts(items)][:1] == ["1"]
    assert rejections(items)
    with pytest.raises(ExportError):
        choose(export_of(written(archive({"like": {"tweetId": "5"}}, name="like"), "like.js")))


# snscrape


def scraped(number: int, **more: Any) -> dict[str, Any]:
    fields = {
        "_type": "snscrape.modules.twitter.Tweet",
        "url": f"https://twitter.com/abu/status/{number}",
        "date": "2021-01-02T10:00:00+00:00",
        "rawContent": "قصف &amp; https://t.co/a",
        "renderedContent": "قصف & example.org",
        "id": number,
        "user": {"_type": "snscrape.modules.twitter.User", "username": "abu", "id": 9, "displayname": "Abu"},
        "replyCount": 0,
        "likeCount": 4,
        "conversationId": number,
        "lang": "ar",
    }
    return {name: value for name, value in (fields | more).items() if value is not None}


def test_three_eras_of_snscrape(written):
    old = scraped(2, _type=None, rawContent=None, content="قصف", outlinks=["https://example.org/a"])
    new = scraped(
        1745463728192837465, inReplyToTweetId=2, media=[{"_type": "x.Photo", "fullUrl": "https://p/1.jpg"}]
    )
    retweet = scraped(
        3, rawContent="RT @src: الأ…", retweetedTweet=scraped(4, user={"username": "src", "id": 8})
    )
    gone = {"_type": "snscrape.modules.twitter.Tombstone", "id": 5}
    path = written(lines(old, new, retweet, gone) + '{"_type": "snscrape')
    assert choose(export_of(path)).name == "snscrape"
    items = items_of(path, group="g")
    first, second, third = posts(items)
    assert (first.native_id, first.text, first.extra["links"]) == ("2", "قصف", ["https://example.org/a"])
    assert (second.native_id, second.reply_to, second.media) == (
        "1745463728192837465",
        "x:g:2",
        ("https://p/1.jpg",),
    )
    assert (second.text, second.author_id, second.author_name) == ("قصف & https://t.co/a", "9", "Abu")
    assert (third.text, third.forwarded_from) == ("RT @src: قصف & https://t.co/a", "src")
    assert [item.what for item in nonposts(items)] == ["Tombstone of snscrape, no post"]
    assert [item.reason for item in rejections(items)] == [Reason.TRUNCATED]


def test_other_sites_of_snscrape(written):
    site = "snscrape.modules."
    facebook = {"_type": site + "facebook.FacebookPost", "cleanUrl": "u", "url": "https://f/1"}
    facebook |= {"date": "2021-01-02T10:00:00+00:00", "content": "قصف", "outlinks": []}
    reddit = {
        "_type": site + "reddit.Comment",
        "author": "abu",
        "body": "نعم",
        "date": "2021-01-02T10:00:00+00:00",
    }
    reddit |= {"id": "t1_a", "parentId": "t3_b", "subreddit": "syria", "url": "https://r/1"}
    path = written(lines(facebook, reddit))
    assert choose(export_of(path)).name == "snscrape"
    one, two = posts(items_of(path, group="g"))
    assert (one.platform, one.native_id, one.text) == ("facebook", "https://f/1", "قصف")
    assert (two.post_id, two.reply_to, two.author_name) == ("reddit:syria:t1_a", "reddit:syria:t3_b", "abu")


def test_neighbors(written):
    for text in (lines(tweet(1)), lines(status(1)), archive(status(1, **OWN))):
        assert choose(export_of(written(text))).name != "snscrape"
    assert choose(export_of(written(lines(scraped(1, _type=None))))).name == "snscrape"
