"""Facebook and Instagram: CrowdTangle of all layouts, the Content Library, "Download your information"."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from reader_builders import export_of, items_of, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import choose
from pipeline.records import Reason


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "export.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


# CrowdTangle: (head, row, text, group id, platform, time)
LAYOUTS = {
    "2017": (
        "Name,Size at Posting,Created,Type,Likes,Comments,Shares,Love,Wow,Haha,Sad,Angry,Thankful,"
        "Video Share Status,Post Views,Total Views,Total Views for all Crossposts,URL,Message,Link,Final Link,"
        "Link Text,Score",
        'صفحة,"1,234",2017-07-05 18:02:45 EDT,Photo,10,1,2,3,0,0,0,0,1,,0,0,0,'
        "https://www.facebook.com/1/posts/9,نص,https://a.b,,,1.5",
        ("صفحة", "facebook", datetime(2017, 7, 5, 22, 2, 45, tzinfo=UTC)),
    ),
    "2019 pages": (
        "Page Name,User Name,Facebook Id,Likes at Posting,Created,Type,Likes,Comments,Shares,Love,Wow,Haha,Sad,"
        "Angry,Video Share Status,Post Views,Total Views,Total Views For All Crossposts,Video Length,URL,Message,"
        "Link,Final Link,Link Text,Description,Sponsor Id,Sponsor Name,Total Interactions,Overperforming Score",
        "صفحة,page,123,99,2019-01-05 18:02:45 +03,Status,10,1,2,3,0,0,0,0,,0,0,0,,"
        'https://www.facebook.com/1/posts/9,نص,,,,,,,"1,004",-1.2',
        ("123", "facebook", datetime(2019, 1, 5, 15, 2, 45, tzinfo=UTC)),
    ),
    "2021 groups": (
        "Group Name,User Name,Facebook Id,Page Category,Page Admin Top Country,Page Description,Page Created,"
        "Likes at Posting,Followers at Posting,Post Created,Post Created Date,Post Created Time,Type,"
        "Total Interactions,Likes,URL,Message,Link",
        "مجموعة,,123,,,,,,55,2021-07-05 18:02:45 UTC,2021-07-05,18:02:45,Native Video,7,7,"
        "https://www.facebook.com/groups/123/permalink/9,نص,",
        ("123", "facebook", datetime(2021, 7, 5, 18, 2, 45, tzinfo=UTC)),
    ),
    "only date and time": (
        "Page Name,Facebook Id,Post Created Date,Post Created Time,Total Interactions,URL,Message",
        "صفحة,1.2E+14,2021-07-05,18:02:45,7,https://www.facebook.com/1/posts/9,نص",
        ("صفحة", "facebook", datetime(2021, 7, 5, 15, 2, 45, tzinfo=UTC)),
    ),
    "instagram 2019": (
        "Account,User Name,Followers at Posting,Created,Type,Likes,Comments,Views,URL,Link,Photo,Title,"
        "Description,Image Text,Sponsor Id,Sponsor Name,Overperforming Score",
        "حساب,abu,77,2019-07-05 18:02:45 UTC,Photo,10,1,5,https://www.instagram.com/p/9/,,https://p,,نص,,,,1",
        ("abu", "instagram", datetime(2019, 7, 5, 18, 2, 45, tzinfo=UTC)),
    ),
    "instagram 2022": (
        "Account,User Name,Followers at Posting,Post Created,Post Created Date,Post Created Time,Type,"
        "Total Interactions,Likes,Comments,Views,URL,Link,Photo,Title,Description,Image Text",
        "حساب,abu,77,2022-07-05 18:02:45 UTC,,,Album,11,10,1,5,https://www.instagram.com/p/9/,,https://p,,نص,",
        ("abu", "instagram", datetime(2022, 7, 5, 18, 2, 45, tzinfo=UTC)),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_of_crowdtangle(written, name):
    head, row, (group, platform, time) = LAYOUTS[name]
    path = written(f"\ufeff{head}\n{row}\n")
    assert choose(export_of(path)).name == "crowdtangle"
    (post,) = posts(items_of(path, zone="Asia/Damascus"))
    assert (post.text, post.native_id, post.group_id, post.platform) == ("نص", "9", group, platform)
    assert post.posted_at == time
    assert (post.author_name is None) == (name == "2021 groups")
    assert "نص" in source_bytes(path, post).decode()
    if "Likes," in head.replace("Likes at Posting", ""):
        assert post.reactions["like"] in {7, 10}


def test_a_post_without_an_address_is_still_a_post(written):
    head = "Page Name,Facebook Id,Post Created,URL,Message\n"
    items = items_of(written(head + "ص,1,2021-07-05 18:02:45 UTC,,نص\nص,1,2021-07-05 18:02:45 UTC,,نص\n"))
    assert [post.post_id[-2:] for post in posts(items)] == ["#1", "#2"]


def test_a_saved_table_with_semicolons(written):
    head = "Page Name;User Name;Facebook Id;Post Created;Type;Likes;URL;Message\n"
    row = 'صفحة;p;1;2021-07-05 18:02:45 UTC;Photo;"1.234";https://www.facebook.com/1/posts/{};"نص\nثان"\n'
    path = written(head + row.format(8) + row.format(9))
    assert [post.reactions for post in posts(items_of(path))] == [{"like": 1234}] * 2


@pytest.mark.parametrize(
    "head", ["Name,Created,Message", "Name,Type,Created,Description,URL", "Account,Created,Views,URL"]
)
def test_tables_that_are_not_crowdtangle(written, head):
    path = written(head + "\n" + ",".join(["2021-07-05 18:02:45"] * head.count(",")) + ",x\n")
    try:
        assert choose(export_of(path)).name != "crowdtangle"
    except ExportError as error:
        assert "no reader" in str(error)  # noqa: PT017


# Meta Content Library

MCL_POSTS = (
    "id,creation_time,modified_time,text,hashtags,content_type,lang,mcl_url,post_owner.type,post_owner.id,"
    "post_owner.name,post_owner.username,surface.type,surface.id,surface.name,statistics.like_count,"
    "statistics.love_count,statistics.comment_count,statistics.share_count,statistics.views,"
    "statistics.views_date_last_refreshed\n"
)
MCL_ROW = (
    '{},2024-05-01T10:00:00+00:00,2024-05-02T10:00:00+00:00,"نص\nثان",,photos,ar,https://mcl/1,page,7,صفحة,p,'
    "group,8,مجموعة,3,1,2,4,900,2024-05-03\n"
)


def test_posts_of_the_content_library(written):
    path = written(MCL_POSTS + MCL_ROW.format(5) + MCL_ROW.format(6) + "7,2024-05-01,,\n")
    assert choose(export_of(path)).name == "meta_content_library"
    items = items_of(path)
    first = posts(items)[0]
    assert (first.post_id, first.native_id) == ("facebook:8:mcl:5", "mcl:5")
    assert (first.group_name, first.author_id, first.author_name) == ("مجموعة", "7", "صفحة")
    assert (first.text, first.views, first.media) == ("نص\nثان", 900, ("photos",))
    assert first.reactions == {"like": 3, "love": 1}
    assert first.edited_at == datetime(2024, 5, 2, 10, tzinfo=UTC)
    assert first.extra["statistics.share_count"] == "4"
    assert "نص" in source_bytes(path, first).decode()
    assert len(posts(items)) == 3


def test_instagram_and_comments_of_the_content_library(written):
    head = "id,creation_time,text,post_owner.id,post_owner.username,statistics.like_count,statistics.views\n"
    (post,) = posts(items_of(written(head + "5,2024-05-01 10:00:00,نص,7,abu,3,9\n")))
    assert (post.platform, post.author_name, post.kind) == ("instagram", "abu", "post")
    assert post.posted_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    head = "id,creation_time,text,post_owner.id,parent_comment_id,statistics.reaction_count\n"
    (comment,) = posts(items_of(written(head + "6,2024-05-01T10:00:00+00:00,نص,7,5,3\n")))
    assert (comment.kind, comment.reply_to) == ("comment", "facebook:7:mcl:5")


def test_a_download_without_texts_is_refused_with_the_way_out(written):
    path = written("id,creation_time,statistics.views,post_owner.id\n1,2024-05-01T10:00:00+00:00,1,2\n")
    assert choose(export_of(path)).name == "meta_content_library"
    with pytest.raises(ExportError, match=r"no column text.*download"):
        items_of(path)


def test_a_broken_table_of_the_content_library(written):
    rows = MCL_ROW.format(5) + '6,2024-05-01T10:00:00+00:00,,"open\n' + MCL_ROW.format(7)
    items = items_of(written(MCL_POSTS + rows + "8\n"))
    assert {post.native_id for post in posts(items)} >= {"mcl:5", "mcl:7"}
    assert [rejection.reason for rejection in rejections(items)] == [Reason.BAD_ROW] * 2


# Download your information


def wrong(text: str) -> str:
    """As Facebook writes it: every byte of UTF-8 as a letter of its own."""
    return text.encode().decode("latin-1")


def document(value: object) -> str:
    return json.dumps(value, indent=2)  # escapes, as Facebook does


def comment(words: str | None, group: str | None = "أخبار حلب") -> dict[str, Any]:
    inner: dict[str, Any] = {"timestamp": 1451852000, "author": wrong("أحمد")}
    inner |= {"comment": wrong(words)} if words is not None else {}
    inner |= {"group": wrong(group)} if group is not None else {}
    return {
        "timestamp": 1451852000,
        "data": [{"comment": inner}],
        "title": wrong("أحمد commented on سارة's post."),
    }


def own_post(words: str | None, title: str = "أحمد posted in أخبار حلب.") -> dict[str, Any]:
    data = [] if words is None else [{"post": wrong(words)}]
    return {"timestamp": 1451851620, "data": [*data, {"update_timestamp": 1451860000}], "title": wrong(title)}


def labeled(label: str, words: str, number: int = 400000000000001) -> dict[str, Any]:
    return {
        "timestamp": 1751851620,
        "media": [],
        "label_values": [
            {"label": "URL", "value": "https://www.facebook.com/groups/1/posts/2", "href": "x"},
            {"label": wrong(label), "value": wrong(words)},
            {
                "title": "Media",
                "dict": [{"title": "", "dict": [{"label": "Group", "value": wrong("أخبار حلب")}]}],
            },
        ],
        "fbid": str(number),
    }


ERAS = {
    "2018": (
        "your_posts_and_comments_in_groups.json",
        {"group_posts": [own_post("قصف 💔"), own_post(None)]},
        2,
    ),
    "2019": ("g.json", {"group_posts": {"activity_log_data": [own_post("قصف 💔")]}}, 1),
    "2018 mixed": ("g.json", {"group_posts": [own_post("قصف 💔"), comment("نعم")]}, 2),
    "2022 posts": (
        "group_posts_and_comments.json",
        {"group_posts_v2": [own_post("قصف 💔"), own_post("ب")]},
        2,
    ),
    "2022 comments": ("c.json", {"group_comments_v2": [comment("قصف 💔"), comment(None)]}, 2),
    "all comments": ("comments.json", {"comments_v2": [comment("قصف 💔", group=None)]}, 1),
    "profile": (
        "your_posts_1.json",
        [own_post("قصف 💔"), own_post("ب", title="أحمد updated his status.")],
        2,
    ),
    "labels": ("posts.json", [labeled("Message", "قصف 💔")], 1),
    "Arabic labels": ("posts.json", [labeled("الرسالة", "قصف 💔")], 1),
}


@pytest.mark.parametrize("name", ERAS)
def test_eras_of_the_download(written, name):
    file, value, count = ERAS[name]
    path = written(document(value), file)
    assert choose(export_of(path)).name == "facebook_dyi"
    items = items_of(path)
    assert len(items) == len(posts(items)) == count
    first = posts(items)[0]
    assert first.text == "قصف 💔"
    assert first.zone_source == "epoch"
    assert first.extra["repaired"] == ["mojibake:latin-1"]
    found = json.loads(source_bytes(path, first))
    assert found["timestamp"] == first.posted_at.timestamp()
    if name not in {"all comments", "profile"}:
        assert first.group_name == "أخبار حلب"
    assert (first.kind == "comment") == ("comments" in name)
    if name.endswith("abels"):
        assert (first.native_id, first.extra["url"]) == (
            "400000000000001",
            "https://www.facebook.com/groups/1/posts/2",
        )


def test_what_a_post_carries(written):
    item = own_post("قصف", title="أحمد added a new photo to أخبار حلب.") | {
        "attachments": [
            {"data": [{"media": {"uri": "posts/media/x.jpg", "description": wrong("صورة")}}]},
            {
                "data": [
                    {"external_context": {"url": "https://example.org"}},
                    {"place": {"name": wrong("حلب")}},
                ]
            },
        ]
    }
    (post,) = posts(items_of(written(document({"group_posts_v2": [item]}), "g.json")))
    assert (post.group_name, post.author_name, post.media) == ("أخبار حلب", "أحمد", ("posts/media/x.jpg",))
    assert post.edited_at == datetime(2016, 1, 3, 22, 26, 40, tzinfo=UTC)
    assert post.extra["media_descriptions"] == ["صورة"]
    assert post.extra["attachments"] == [{"place": {"name": "حلب"}}]
    assert post.extra["links"] == ["https://example.org"]


def test_labels_of_an_unknown_language_give_the_longest_words(written):
    items = items_of(written(document([labeled("Zpráva", "قصف على الحي")]), "posts.json"), "facebook_dyi")
    (post,) = posts(items)
    assert (post.text, post.extra["text_label"]) == ("قصف على الحي", "Zpráva")


def test_a_zip_and_what_is_not_of_the_download(written, tmp_path):
    path = tmp_path / "facebook-x.zip"
    with zipfile.ZipFile(path, "w") as pack:
        folder = "your_facebook_activity/groups/"
        pack.writestr(
            folder + "group_posts_and_comments.json", document({"group_posts_v2": [own_post("قصف")]})
        )
        pack.writestr(
            folder + "your_comments_in_groups.json", document({"group_comments_v2": [comment("نعم")]})
        )
        pack.writestr(
            folder + "your_groups.json", document({"groups_joined_v2": [{"timestamp": 1, "title": "x"}]})
        )
        pack.writestr("media/x.jpg", b"\xff\xd8")
    assert [post.kind for post in posts(items_of(path))] == ["post", "comment"]
    for other in (
        {"groups_joined_v2": [{"timestamp": 1, "data": [{"name": "x"}], "title": "x"}]},
        {"posts": [{"id": 1, "text": "قصف", "date": 1704189600}]},
        {
            "comments": [{"id": "a", "text": "x", "parent": "root", "timestamp": 1479081600}],
            "id": "a",
            "title": "t",
        },
        [{"timestamp": 1, "media": [], "label_values": [{"label": "Time", "value": "x"}], "fbid": "1"}],
        [{"id": 1, "text": "قصف", "timestamp": 1704189600}],
    ):
        try:
            name = choose(export_of(written(document(other), "x.json"))).name
        except ExportError:
            continue
        assert name != "facebook_dyi"


def test_a_broken_download(written):
    text = document({"group_posts_v2": [own_post("a"), own_post("b"), own_post("c")]})
    text = text.replace('"timestamp": 1451851620', '"timestamp": 14518x', 1)[:-40]
    items = items_of(written(text, "g.json"))
    assert [post.text for post in posts(items)] == ["b"]
    assert [rejection.reason for rejection in rejections(items)] == [Reason.BAD_JSON, Reason.TRUNCATED]
