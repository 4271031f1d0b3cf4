"""Pages of VK: its data archive, walls with comments, discussions, histories of add-ons."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import export_of, items_of, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import choose, missing_files
from pipeline.records import Reason

ZONE = "Europe/Moscow"


def message(number: int, head: str, body: str) -> str:
    return (
        f"<div class=\"item\"><div class='item__main'><div class='message' data-id='{number}'>\n"
        f'<div class="message__header">{head}</div>\n<div>{body}<div class="kludges"><div class="attachment">'
        "<div class=\"attachment__description\">Фотография</div><a class='attachment__link' href='https://x.org/a.jpg'>"
        "https://x.org/a.jpg</a></div></div></div></div></div></div>\n"
    )


ARCHIVE = (
    '<!DOCTYPE html><html><head><meta charset="windows-1251" /><title>Сообщения</title></head><body>'
    '<div class="ui_crumb">Профиль</div><div class="ui_crumb">Чат</div>\n'
    + message(1, '<a href="https://vk.com/id7">Иван</a>, 5 мая 2022 в 1:30:12 <span class="message-edited">(ред.)</span>', "Взрыв<br>два")
    + message(2, "Вы, 12 янв 2020 в 15:04:05", "да")
    + message(3, "You, at 3:04:05 pm on 12 Jan 2020", "")
    + "</body></html>"
)  # fmt: skip
WALL = (
    '<html><head><meta charset="utf-8"><title>Группа</title><link href="https://vk.com/x"></head><body><div id="page_wall_posts">'
    '<div id="post-12_34" class="_post post page_block" data-post-id="-12_34"><h5 class="post_author"><a class="author" '
    'href="/public12">Группа</a></h5><a class="post_link" href="/wall-12_34"><span class="rel_date" time="1451851620">3 янв</span></a>'
    '<div class="wall_text"><div class="wall_post_text">Взрыв в Алеппо<br>два</div></div><div class="replies">'
    '<div id="post-12_35" class="reply"><div class="reply_author"><a class="author" href="/id7">Иван</a></div><div class="reply_text">'
    '<div id="wpt-12_35"><div class="wall_reply_text">ответ</div></div></div><div class="reply_date"><span class="rel_date">'
    "4 янв 2016 в 1:00</span></div></div></div></div></div></body></html>"
)
TOPIC = (
    '<html><head><title>Тема</title><script src="https://vk.com/a.js"></script></head><body><div class="bp_post" id="post-5_8">'
    '<a class="bp_author" href="/id9">Анна</a><div class="bp_text">первый</div><a class="bp_date" href="/topic-5_1">'
    '3 января 2016 в 23:07</a></div><div class="bp_post" id="post-5_9"><a class="bp_author" href="/club3">Клуб</a>'
    '<div class="bp_text">второй</div><a class="bp_date">4 января 2016 в 0:01</a></div></body></html>'
)
HISTORY = (
    '<html><head><meta charset="utf-8"></head><body><h4>Messages (3)</h4><div id="msg0" class="msg_item"><div class="from">'
    '<b>Иван</b> <a href="https://vk.com/id7">@</a> 2018.01.21 13:53:59</div><div class="msg_body">hello</div></div>'
    '<div id="msg0" class="msg_item"><div class="from"><b>Анна</b> 2018.01.21 13:53:59</div><div class="msg_body">hello</div></div></body></html>'
)


def write(tmp_path: Path, content: bytes | str, name: str = "page.html") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_archive(tmp_path):
    path = write(tmp_path, ARCHIVE.encode("cp1251"), "messages0.html")
    assert choose(export_of(path)).name == "vk_html"
    one, two, three = items_of(path, zone=ZONE)
    assert (one.author_name, one.author_id, one.text, one.native_id) == ("Иван", "7", "Взрыв\nдва", "1")
    assert (one.posted_at, one.extra["edited"]) == (datetime(2022, 5, 4, 22, 30, 12, tzinfo=UTC), True)
    assert (one.media, one.extra["links"]) == (("Фотография",), ["https://x.org/a.jpg"])
    assert (two.author_name, two.posted_local) == ("Вы", datetime(2020, 1, 12, 15, 4, 5))
    assert (three.author_name, three.posted_local, three.kind) == (
        "You",
        datetime(2020, 1, 12, 15, 4, 5),
        "media",
    )
    assert [post.group_name for post in (one, two)] == ["Чат", "Чат"]
    assert "Взрыв" in source_bytes(path, one).decode("cp1251")


def test_a_wall_and_its_comments(tmp_path):
    path = write(tmp_path, WALL)
    assert choose(export_of(path)).name == "vk_html"
    post, answer = items_of(path, zone=ZONE)
    assert (post.post_id, post.author_id, post.text) == ("vk:-12:-12_34", "-12", "Взрыв в Алеппо\nдва")
    assert (post.posted_at, post.zone_source) == (datetime(2016, 1, 3, 20, 7, tzinfo=UTC), "epoch")
    assert (answer.kind, answer.reply_to, answer.text) == ("comment", post.post_id, "ответ")
    assert answer.posted_local == datetime(2016, 1, 4, 1, 0)
    assert "ответ".encode() not in source_bytes(path, post)


def test_a_discussion(tmp_path):
    path = write(tmp_path, TOPIC)
    assert choose(export_of(path)).name == "vk_html"
    one, two = items_of(path, zone=ZONE)
    assert [(post.author_name, post.author_id, post.text) for post in (one, two)] == [
        ("Анна", "9", "первый"),
        ("Клуб", "-3", "второй"),
    ]
    assert two.posted_local == datetime(2016, 1, 4, 0, 1)


def test_a_history_whose_ids_are_one(tmp_path):
    path = write(tmp_path, HISTORY)
    assert choose(export_of(path)).name == "vk_html"
    one, two = items_of(path)
    assert [(post.author_name, post.author_id, post.text) for post in (one, two)] == [
        ("Иван", "7", "hello"),
        ("Анна", "Анна", "hello"),
    ]
    assert one.post_id != two.post_id
    assert (one.posted_local, one.zone_source) == (datetime(2018, 1, 21, 13, 53, 59), "unknown")


def test_missing_pages():
    files = [("messages/7/messages0.html", "vk_html"), ("messages/7/messages100.html", "vk_html")]
    assert missing_files(files) == ["messages/7/messages50.html"]
    assert missing_files([("a/messages0.html", "vk_html"), ("a/wall.html", "vk_html")]) == []


def test_a_page_that_was_cut(tmp_path):
    whole = ARCHIVE.encode("cp1251")
    items = items_of(write(tmp_path, whole[: whole.index(b"data-id='3'") + 60]), zone=ZONE)
    assert len(posts(items)) == 2
    assert [refused.reason for refused in rejections(items)] == [Reason.TRUNCATED]


def test_a_time_that_is_none_stays_open(tmp_path):
    page = ARCHIVE.replace("12 янв 2020 в 15:04:05", "вчера")
    post = posts(items_of(write(tmp_path, page.encode("cp1251"))))[1]
    assert (post.posted_at, post.posted_local, post.text) == (None, None, "да")
    assert post.extra["time_printed"]


@pytest.mark.parametrize(
    "markup",
    [
        "<html><body><p>hello vk.com</p></body></html>",
        '<html><body><div class="message default clearfix" id="message1"><div class="body">x</div></div></body></html>',
    ],
)
def test_pages_that_are_none(tmp_path, markup):
    path = write(tmp_path, markup)
    with pytest.raises(ExportError, match=r"page\.html"):
        choose(export_of(path))
    with pytest.raises(ExportError, match=r"page\.html"):
        items_of(path, "vk_html")
