"""What holds for every reader: choice, books, the way back to the bytes, truncation, any bytes at all."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reader_builders import chat, export_of, exported, items_of, message, posts, rejections, source_bytes
from telegram_pages import page, post

from pipeline.errors import ExportError
from pipeline.readers import COLUMNS, READERS, Choice, Export, Reading, choose, fingerprint, locate, read
from pipeline.readers.catalog import formats
from pipeline.readers.lines import raw_lines
from pipeline.readers.printed_times import read_time
from pipeline.records import RAW_LIMIT, NonPost, Post, Rejection

EXPORTS = {
    "telegram_json": exported(chat([message(number, f"قصف {number}") for number in range(6)])),
    "telegram_html": page("".join(post(number, f"قصف {number}") for number in range(6))),
    "whatsapp": "".join(f"1{day}/5/2025، 09:17 - أبو محمد: قصف\nسطر {day}\n" for day in range(3, 9)),
    "crowdtangle": "Page Name,Facebook Id,Post Created,URL,Message\n"
    + "".join(f'صفحة,1,2021-07-05 18:02:45 UTC,https://f.com/{number},"نص\nسطر"\n' for number in range(5)),
    "twarc": "".join(
        f'{{"id": "13802426117813862{number:02}", "text": "قصف", "created_at": "2021-04-08T19:34:16.000Z", '
        f'"author_id": "7", "public_metrics": {{"like_count": 1}}}}\n'
        for number in range(6)
    ),
    "x_archive": "window.YTD.tweets.part0 = [\n"
    + ",\n".join(
        f'{{"tweet": {{"id_str": "{number}", "full_text": "قصف", "created_at": "Sat Dec 06 18:20:30 +0000 2025"}}}}'
        for number in range(1, 7)
    )
    + "\n]\n",
    "snscrape": "".join(
        f'{{"_type": "snscrape.modules.twitter.Tweet", "url": "https://x.com/a/status/{number}", "id": {number}, '
        f'"date": "2021-01-02T10:00:00+00:00", "rawContent": "قصف", "renderedContent": "قصف"}}\n'
        for number in range(1, 7)
    ),
    "facebook_dyi": '{"group_posts_v2": [\n'
    + ",\n".join(f'{{"timestamp": 145185162{number}, "data": [{{"post": "قصف"}}]}}' for number in range(6))
    + "\n]}\n",
    "zeeschuimer": "".join(
        f'{{"item_id": "{number}", "source_platform": "instagram.com", "timestamp_collected": 1692473383763, '
        f'"data": {{"taken_at": 1692450007, "pk": "{number}", "caption": {{"text": "قصف"}}}}}}\n'
        for number in range(6)
    ),
    "fourcat": "id,thread_id,timestamp,body,author,unix_timestamp\n"
    + "".join(f'{number},1,2021-01-02 10:00:00,"قصف, هنا",A,1609581600\n' for number in range(6)),
    "meta_content_library": "id,creation_time,text,post_owner.id,post_owner.name,statistics.like_count\n"
    + "".join(f'{number},2024-01-02T10:00:00+00:00,"قصف, هنا",7,A,3\n' for number in range(6)),
    "table": "id,text,created_at\n"
    + "".join(f'{number},"قصف, هنا",2024-01-02 10:00\n' for number in range(8)),
    "json": '{"posts": [\n'
    + ",\n".join(f' {{"id": {number}, "text": "قصف", "date": 1704189600}}' for number in range(8))
    + "\n]}\n",
    "discord": '{"guild": {"id": "1", "name": "G"}, "channel": {"id": "2"}, "dateRange": {}, "messages": [\n'
    + ",\n".join(
        f'{{"id": "{number}", "type": "Default", "timestamp": "2024-01-02T10:00:00+00:00", "isPinned": false, '
        f'"content": "قصف", "author": {{"id": "7", "name": "A"}}}}'
        for number in range(6)
    )
    + "]}\n",
    "telethon": "[\n"
    + ",\n".join(
        f'{{"_": "Message", "id": {number}, "peer_id": {{"_": "PeerChannel", "channel_id": 5}}, '
        f'"date": "2024-01-02T10:00:00+00:00", "message": "قصف"}}'
        for number in range(6)
    )
    + "\n]\n",
    "telegram_scraper": "id,message_id,date,sender_id,first_name,message,media_type,reply_to\n"
    + "".join(f'{number},{number},2024-01-02 10:00:00,7,A,"قصف, هنا",,\n' for number in range(8)),
    "snscrape_telegram": "".join(
        f'{{"_type": "snscrape.modules.telegram.TelegramPost", "url": "https://t.me/s/hayy/{number}", '
        f'"date": "2021-01-02T10:00:00+00:00", "content": "قصف", "outlinks": []}}\n'
        for number in range(6)
    ),
    "jsonl": "".join(f'{{"id": {number}, "text": "قصف", "date": 1704189600}}\n' for number in range(8)),
    "wordpress_html": '<html><body class="postid-5"><div class="entry-content">قصف هنا</div>\n'
    + "".join(
        f'<li class="comment" id="comment-{number}"><b class="fn">A</b> <time datetime="2016-01-0{number}T20:07:00+02:00">'
        f'x</time><div class="comment-content">قصف {number}</div></li>\n'
        for number in range(1, 6)
    )
    + "</body></html>\n",
    "wxr": "<rss><channel><wp:wxr_version>1.2</wp:wxr_version>\n"
    + "".join(
        f"<item><title>x</title><content:encoded><![CDATA[قصف {number}]]></content:encoded><wp:post_id>{number}"
        f"</wp:post_id><wp:post_date_gmt>2016-01-03 18:07:00</wp:post_date_gmt></item>\n"
        for number in range(6)
    )
    + "</channel></rss>\n",
    "reddit": "".join(
        f'{{"id": "c{number}", "body": "قصف", "created_utc": 1451851620, "subreddit": "s", "link_id": "t3_1"}}\n'
        for number in range(6)
    ),
    "youtube": '{"id": "dQw4w9WgXcQ", "extractor": "youtube", "webpage_url": "x", "upload_date": "2016", "comments": [\n'
    + ",\n".join(
        f'{{"id": "U{number}", "text": "قصف", "parent": "root", "timestamp": 1479081600}}'
        for number in range(6)
    )
    + "]}\n",
    "vk_html": "<html><body>\n"
    + "".join(
        f'<div class="message" data-id="{number}"><div class="message__header">A, 5 мая 2022 в 1:30:12</div>'
        f"<div>قصف {number}</div></div>\n"
        for number in range(6)
    )
    + "</body></html>\n",
    "blog_text": "Title\n\nWords.\n\n"
    + "".join(f"Name{number} said:\nJanuary {number}rd, 2016, 8:07 pm\n\nنعم\n\n" for number in range(3, 8)),
}


OF_BYTES = {"spreadsheet", "parquet"}
"""Formats that are no text; their own tests have their examples."""


@pytest.fixture(params=sorted(EXPORTS))
def export(request, tmp_path: Path) -> tuple[str, Path]:
    path = tmp_path / f"{request.param}.export"
    path.write_text(EXPORTS[request.param], encoding="utf-8", newline="")
    return request.param, path


def test_every_reader_has_an_example_and_says_what_it_does():
    assert sorted(READERS) == sorted([*EXPORTS, *OF_BYTES])
    for name, reader in READERS.items():
        assert reader.name == name
        assert reader.about
        assert reader.keeps
        assert reader.loses


def test_the_page_of_formats_is_printed_from_the_readers(root):
    assert (root / "docs" / "formats.md").read_text(encoding="utf-8") == formats()


def test_auto_finds_the_format(export):
    name, path = export
    assert choose(export_of(path)).name == name


def test_every_item_leads_back_to_its_bytes(export):
    _, path = export
    whole = path.read_bytes()
    at = 0
    for item in items_of(path):
        found = source_bytes(path, item)
        assert found
        place = whole.index(found, at)
        assert whole[at:place].strip(b" \r\n\t,") == b"" or at == 0
        at = place + len(found)
        if isinstance(item, Post):
            for line in item.text.split("\n"):
                assert line.strip('"') in found.decode()
    assert re.sub(rb"</[a-z]+>|[\s\]}]", b"", whole[at:]) == b""  # only brackets and closing tags are no rows


def test_reading_twice_gives_the_same(export):
    _, path = export
    assert items_of(path) == items_of(path)


def test_truncation_never_loses_earlier_posts(export):
    """Cut at every 1/64: only `ExportError` may be raised, and what was read before the cut stays as it was."""
    name, path = export
    whole = path.read_bytes()
    complete = posts(items_of(path, name))
    cut_path = path.with_name("cut.export")
    for step in range(64):
        size = len(whole) * step // 64
        cut_path.write_bytes(whole[:size])
        try:
            items = items_of(cut_path, name)
        except ExportError as error:
            items = unread(error)
        found = posts(items)
        ended = sum(locate_end(path, post) < size for post in complete)
        if name == "blog_text" and not any(post.kind == "comment" for post in found):
            continue  # without a single comment it is no blog page
        for before, after in zip(complete[: ended - (name == "blog_text")], found, strict=False):
            assert before.native_id == after.native_id
            assert after.text.startswith(before.text)  # a head that was cut is read as words of the last text
        lost = ended - len(found)
        assert lost <= 0, f"cut at {size}: {lost} posts lost"


def unread(error: Exception) -> list[Post]:
    assert str(error)
    return []


def locate_end(path: Path, post: Post) -> int:
    found = source_bytes(path, post)
    return path.read_bytes().index(found) + len(found)


def test_a_rejection_is_ready_for_the_quarantine(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": 1, "text": "' + "ب" * 9_000 + '", "date": "soon"}\n', encoding="utf-8")
    (rejection,) = rejections(items_of(path, "jsonl"))
    assert len(rejection.raw) == RAW_LIMIT
    assert rejection.source == "s"
    assert "'soon'" in rejection.detail
    assert rejection.origin.file_sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == fingerprint(path)


@pytest.mark.parametrize("text", ["", "\n", "hello world\n", "<html></html>", '{"a": 1}', "a,b\n1,2\n"])
def test_auto_stops_where_nothing_fits(tmp_path, text):
    path = tmp_path / "what.txt"
    path.write_text(text)
    with pytest.raises(ExportError, match=r"what\.txt"):
        choose(export_of(path))


def test_auto_names_both_where_two_fit(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    path.write_text(EXPORTS["jsonl"], encoding="utf-8")
    sure = READERS["jsonl"].score
    monkeypatch.setitem(READERS, "twin", type(READERS["jsonl"])(*twin(sure)))
    with pytest.raises(ExportError, match=r"x\.jsonl: this may be .* or .*set reader"):
        choose(export_of(path))


def twin(score):
    return ("twin", "other", "", "", "", score, READERS["jsonl"].read)


def test_a_file_that_is_not_there(tmp_path):
    gone = tmp_path / "gone.json"
    with pytest.raises(ExportError, match=r"gone\.json"):
        choose(Export(gone, gone.name, ""))
    for reader in READERS.values():
        reading = Reading(source="s", columns={"text": "text", "posted_at": "date"})
        with pytest.raises(ExportError, match=r"gone\.json"):
            list(
                read(
                    Choice(
                        Export(gone, gone.name, ""), reader.name, ((Export(gone, gone.name, ""), reader),)
                    ),
                    reading,
                )
            )


@pytest.mark.parametrize("locator", ["", "bytes 1", "line x", "rows 1", "xpath /a"])
def test_words_that_are_no_locator(tmp_path, locator):
    with pytest.raises(ValueError, match="locator"):
        locate(tmp_path / "x", locator)


FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

fragments = st.sampled_from(
    [
        *(text[start : start + 60] for text in EXPORTS.values() for start in range(0, 180, 45)),
        '"', "\\", "\\u", "\\ud800", "{", "}", "[", "]", ",\n  {\n", "\n  },", "\n ]", '\n "messages": [\n  {',
        '"messages":[', "\0", "\r", "\r\n", "\n", ";", "\t", "١٣/٥/٢٠٢٥، ٩:١٧ ص - A: x\n", " said:\n", "99/99/9999, 9:17 - A: x\n",
        "January 3rd, 2016, 8:07 pm\n",
    ]
)  # fmt: skip
soup = st.lists(st.one_of(fragments.map(str.encode), st.binary(max_size=12)), max_size=25).map(b"".join)


@pytest.mark.parametrize("name", sorted(READERS))
@FUZZ
@given(data=soup)
def test_any_bytes_give_items_or_an_export_error(name, data, tmp_path):
    path = tmp_path / "soup"
    path.write_bytes(data)
    columns = {"text": "text", "posted_at": "created_at"} if name == "table" else {}
    try:
        items = items_of(path, name, columns=columns, zone="Asia/Damascus")
    except ExportError as error:
        unread(error)
        return
    for item in items:
        assert isinstance(item, (Post, NonPost, Rejection))
        locate(path, item.origin.locator)
        if isinstance(item, Post):
            item.text.encode()  # no lone surrogate reaches the dataset
        if isinstance(item, Rejection):
            item.raw.encode()
            assert item.detail


@pytest.mark.parametrize("name", sorted(EXPORTS))
@FUZZ
@given(data=st.data())
def test_a_spoiled_byte_costs_little(name, data, tmp_path):
    """One byte overwritten anywhere: the file is still read, and at least half of its posts are there."""
    whole = EXPORTS[name].encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    spoiled = whole[:at] + data.draw(st.binary(min_size=1, max_size=1)) + whole[at + 1 :]
    path = tmp_path / "spoiled"
    path.write_bytes(spoiled)
    columns = {"text": "text", "posted_at": "created_at", "id": "id"} if name == "table" else {}
    try:
        items = items_of(path, name, columns=columns)
    except ExportError:
        assert at < 120  # only the head of a file can spoil all of it
        return
    assert items


@FUZZ
@given(
    data=st.lists(st.sampled_from(["a", "ب", "\n", "\r", "\r\n", " ", "\x0b", "\u2028"]), max_size=40).map(
        "".join
    )
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_are_whole_and_in_order(data, encoding, tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(data.encode(encoding))
    lines = list(raw_lines(export_of(path)))
    whole = path.read_bytes()
    assert b"".join(whole[line.start : line.end] for line in lines) == whole or not data
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(locate(path, f"line {line.number}") == whole[line.start : line.end] for line in lines)


@FUZZ
@given(
    value=st.one_of(
        st.text(max_size=30),
        st.floats(),
        st.integers(),
        st.from_regex(r"\d{1,4}[-/.]\d\d?[-/.]\d{1,4}[ T]?\d?\d?:?\d?\d?"),
    )
)
def test_any_value_is_a_time_or_a_value_error(value):
    try:
        clock = read_time(value, ZoneInfo("Asia/Damascus"))
    except ValueError as error:
        unread(error)
        return
    assert (clock.posted_at is None) == (clock.zone_source == "unknown")


def test_columns_are_fields_of_a_post_or_made_into_one():
    known = {*Post.__struct_fields__, "id", "posted_date", "posted_time", "url", "media"}
    assert set(COLUMNS) <= known


def test_columns_in_the_configuration_mean_a_reader_of_tables(tmp_path: Path) -> None:
    path = tmp_path / "tweets.jsonl"
    tweet = {"id_str": "1", "full_text": "x", "created_at": "Wed Oct 10 20:19:24 +0000 2018"}
    path.write_text(json.dumps({**tweet, "user": {"id_str": "3"}, "entities": {}}) + "\n", encoding="utf-8")
    assert choose(export_of(path)).name == "twarc"
    assert choose(export_of(path), columns=("full_text", "created_at")).name == "jsonl"
