"""Telegram Desktop's web pages: texts, authors, times that must not be believed, sets of pages, broken pages."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from reader_builders import (
    chat,
    export_of,
    exported,
    items_of,
    message,
    nonposts,
    posts,
    rejections,
    source_bytes,
)
from telegram_pages import divider, media, page, post, tag

from pipeline.errors import ExportError
from pipeline.readers import Limits, Reading, choose, missing_files, read
from pipeline.records import Reason

OLD = "15.07.2020 13:00:00"


@pytest.fixture
def write(tmp_path: Path):
    def written(body: str, name: str = "messages.html", chat: str = "أخبار الحي") -> Path:
        path = tmp_path / name
        path.write_text(page(body, chat), encoding="utf-8")
        return path

    return written


def only(path: Path, **reading: str):
    (found,) = posts(items_of(path, zone=reading.pop("zone", "Asia/Damascus"), **reading))
    return found


def test_a_message_of_each_era(write):
    for title, unix in ((OLD, "2020-07-15 10:00"), ("15.07.2024 13:00:00 UTC+03:00", "2024-07-15 10:00")):
        found = only(write(divider(-1, "15 July 2020") + post(7, title=title)))
        assert (found.native_id, found.author_name, found.text, found.kind) == (
            "7",
            "أبو محمد",
            "قصف على الحي",
            "post",
        )
        assert found.posted_at == datetime.fromisoformat(unix).replace(tzinfo=UTC)
        assert (found.zone_source, found.time_precision, found.extra) == ("declared", "second", {})
        assert found.group_name == "أخبار الحي"


def test_counts_of_a_page(write):
    body = divider(-1, "15 July 2024") + post(1) + post(2, author=None)
    body += tag(
        'div class="message service" id="message3"', 5, tag('div class="body details"', 6, "A invited B")
    )
    body += post(-999_999_000) + divider(-2, "16 July 2024") + post(5)
    items = items_of(write(body), zone="Asia/Damascus")
    assert len(posts(items)) == 4
    assert [told.what.partition(":")[0] for told in nonposts(items)] == ["date line", "service", "date line"]
    assert rejections(items) == []


def test_who_wrote_joined_messages(write):
    body = (
        post(1, author="أ") + post(2, author=None) + post(3, author="Deleted Account") + post(4, author=None)
    )
    body += post(5, author="ب via @gif") + divider(-1, "x") + post(6, author=None)
    found = posts(items_of(write(body)))
    assert [one.author_name for one in found] == ["أ", "أ", None, None, "ب", None]
    assert found[4].extra["via_bot"] == "gif"


@pytest.mark.parametrize(
    ("markup", "text", "links"),
    [
        ("a<br>b<br><br>c", "a\nb\n\nc", []),
        ("&lt;b&gt; &amp;amp; &quot;x&quot; &apos;", "<b> &amp; \"x\" '", []),
        ('في <a href="" onclick="return ShowHashtag(&quot;حلب&quot;)">#حلب</a> الآن', "في #حلب الآن", []),
        ('<a href="https://x.org/a">https://x.org/a</a>', "https://x.org/a", []),
        ('<a href="https://x.org/a">هنا</a>', "هنا", ["https://x.org/a"]),
        ('<a href="https://t.me/abc">@abc</a>', "@abc", []),
        ("<strong>قصف</strong><em>!</em> <code>x</code><pre>y<br>z</pre>", "قصف! xy\nz", []),
        ('<span class="spoiler hidden" onclick="ShowSpoiler(this)"><span aria-hidden="true">سر</span></span>', "سر", []),
        ("a<script>alert(1)</script><style>p{}</style>b", "ab", []),
        ("قصف\n     على\n  الحي", "قصف على الحي", []),
        ("<blockquote>قال</blockquote>نعم", "قالنعم", []),
        ("\u200fقصف\u200e", "\u200fقصف\u200e", []),
    ],
)  # fmt: skip
def test_texts(write, markup, text, links):
    found = only(write(post(1, markup=markup)))
    assert found.text == text
    assert found.extra.get("links", []) == links


def test_forwards_have_the_date_of_the_original(write):
    body = post(1, "منقول", forward=("قناة", "01.01.2024 10:00:00 UTC+03:00"), author="أ")
    body += post(2, "منقول أيضا", forward=None, author=None) + post(3, "عادي", author="أ")
    one, two, three = posts(items_of(write(body), zone="Asia/Damascus"))
    assert (one.text, one.author_name, one.forwarded_from) == ("منقول", "أ", "قناة")
    assert one.forwarded_local == datetime(2024, 1, 1, 10)
    assert (two.text, two.forwarded_from, two.author_name) == ("منقول أيضا", "قناة", "أ")
    assert three.forwarded_from is None


def test_replies_on_this_page_on_another_and_elsewhere(write):
    body = (
        post(2, reply="#go_to_message1")
        + post(3, reply="messages4.html#go_to_message-999")
        + post(4, reply="")
    )
    here, other, away = posts(items_of(write(body), group="g"))
    assert (here.reply_to, other.reply_to, away.reply_to) == ("telegram:g:1", "telegram:g:-999", None)
    assert away.extra["reply_elsewhere"] is True


def test_media_polls_places_and_reactions(write):
    poll = tag(
        'div class="media_wrap clearfix"',
        7,
        tag(
            'div class="media_poll"',
            8,
            tag('div class="question bold"', 9, "أين؟")
            + tag('div class="details"', 9, "Anonymous poll")
            + tag('div class="answer"', 9, '- حلب <span class="details">3 votes</span>')
            + tag('div class="answer"', 9, "- حماة"),
        ),
    )
    emoji = '<span class="reactions"><span class="reaction"><span class="emoji">👍</span><span class="count">12</span></span></span>'
    body = (
        post(1, None, media=media("media_photo", "photos/a.jpg", title="Photo"))
        + post(2, None, media=media("media_video", title="Video file", description="Not included, change data exporting settings to download.", status="00:12"))
        + post(3, None, media=media("media_location", "https://maps.google.com/maps?q=35.13,36.75&ll=35.13,36.75&z=16", title="Location", status="35.13, 36.75"))
        + post(4, None, media=poll)
        + post(5, None, media=media("media_call success", title="x", status="Outgoing (3 seconds)"))
        + post(6, reactions=emoji, signature="المحرر")
        + post(7, None, media=tag('div class="media_wrap clearfix"', 7, tag('a class="photo_wrap clearfix pull_left" href="photos/b.jpg"', 8, '<img class="photo" src="photos/b_thumb.jpg"/>')))
    )  # fmt: skip
    items = items_of(write(body))
    photo, video, place, asked, reacted, other = posts(items)
    assert (photo.media, photo.kind, photo.text) == (("photos/a.jpg",), "media", "")
    assert (video.media, video.extra["media"]["status"]) == (("video",), "00:12")
    assert place.extra["location_information"] == {"latitude": 35.13, "longitude": 36.75}
    assert (asked.kind, asked.text) == ("poll", "أين؟\nحلب\nحماة")
    assert (reacted.reactions, reacted.extra["author"]) == ({"👍": 12}, "المحرر")
    assert other.media == ("photos/b.jpg",)
    assert [told.what for told in nonposts(items)] == ["service: phone_call"]


ZONES = {
    "Asia/Damascus": "+03:00", "Asia/Amman": "+03:00", "Asia/Beirut": "+02:00", "Africa/Cairo": "+02:00",
    "Europe/Berlin": "+01:00", "Europe/Kyiv": "+02:00", "America/New_York": "-05:00", "Europe/Istanbul": "+03:00",
    "Asia/Baghdad": "+03:00", "Asia/Gaza": "+02:00", "Europe/London": "+00:00", "Asia/Tehran": "+03:30",
}  # fmt: skip
"""Zone -> the offset that the exporter prints, in summer and in winter, of every year."""

DAYS = (
    "2015-01-10",
    "2015-07-10",
    "2019-01-10",
    "2019-07-10",
    "2021-01-20",
    "2021-07-20",
    "2024-01-15",
    "2024-07-15",
)


@pytest.mark.parametrize("zone", ZONES)
def test_summer_and_winter_time_of_every_zone(write, tmp_path, zone):
    """Printed local times are right by the declared zone, and by a JSON export beside; never by the suffix."""
    moments = [datetime.fromisoformat(f"{day}T17:30:15+00:00") for day in DAYS]
    local = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    title = [f"{clock:%d.%m.%Y %H:%M:%S} UTC{ZONES[zone]}" for clock in local]
    path = write("".join(post(number, title=printed) for number, printed in enumerate(title)))

    declared = posts(items_of(path, zone=zone))
    assert [one.posted_at for one in declared] == moments
    assert {one.zone_source for one in declared} == {"declared"}

    unknown = posts(items_of(path))
    assert {one.posted_at for one in unknown} == {None}
    for one, moment in zip(unknown, moments, strict=True):
        first, last = (datetime.fromisoformat(each) for each in one.extra["posted_between"])
        assert first <= moment <= last
        assert (last - first).total_seconds() == 7200

    every_week = [datetime.fromtimestamp(unix, UTC) for unix in range(1_388_577_600, 1_730_000_000, 604_800)]
    sister = [
        message(
            number,
            date=moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S"),
            date_unixtime=str(int(moment.timestamp())),
        )
        for number, moment in enumerate(every_week)
    ]
    (tmp_path / "result.json").write_text(exported(chat(sister, id=99)), encoding="utf-8")
    export = export_of(path, siblings=("messages.html", "result.json"))
    inferred = posts(list(read(choose(export), Reading(source="s"))))
    assert [one.posted_at for one in inferred] == moments
    assert {one.zone_source for one in inferred} == {"inferred"}
    assert {one.group_id for one in inferred} == {"99"}  # of the JSON export: the same posts are one


def test_a_suffix_that_cannot_be_the_declared_zone_is_not_overruled(write):
    found = only(write(post(1, title="15.07.2024 13:00:00 UTC-05:00")), zone="Asia/Damascus")
    assert (found.posted_at, found.zone_source) == (None, "unknown")
    assert found.extra["posted_between"] == ["2024-07-15T17:00:00Z", "2024-07-15T19:00:00Z"]


def test_without_zone_and_suffix_the_time_stays_open(write):
    found = only(write(post(1, title=OLD)), zone=None)
    assert (found.posted_at, found.posted_local) == (None, datetime(2020, 7, 15, 13))
    assert "posted_between" in found.extra


def test_a_sister_of_another_chat_is_not_believed(write, tmp_path):
    path = write(post(1))
    (tmp_path / "result.json").write_text(exported(chat([message(1)], name="غيرها")), encoding="utf-8")
    export = export_of(path, siblings=("result.json",))
    (found,) = posts(list(read(choose(export), Reading(source="s"))))
    assert (found.zone_source, found.posted_at) == ("unknown", None)
    assert found.group_id.startswith("name:")


def test_two_chats_of_one_source_are_not_one(write, tmp_path):
    one = only(write(post(1)))
    again = only(write(post(1), name="messages2.html"))
    other = only(write(post(1), chat="حي آخر"))
    assert one.post_id == again.post_id != other.post_id
    assert only(write(post(1)), group="g").post_id == "telegram:g:1"


def test_missing_pages_are_told(tmp_path):
    assert missing_files(
        [(f"a/{name}", "telegram_html") for name in ("messages.html", "messages4.html", "messages2.html")]
    ) == ["a/messages3.html"]
    assert missing_files([("messages2.html", "telegram_html")]) == ["messages.html"]
    assert missing_files([("messages1.html", "telegram_html"), ("messages2.html", "telegram_html")]) == []
    path = tmp_path / "messages.html"
    path.write_text(page(post(1), behind="messages2.html"), encoding="utf-8")
    assert choose(export_of(path)).links == ("messages2.html",)


def test_pages_in_an_archive_are_one_set_in_the_order_of_their_numbers(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in (10, 2, 1):
            name = f"ChatExport/messages{number if number > 1 else ''}.html"
            archive.writestr(name, page(post(number), behind="messages11.html" if number == 10 else None))
        archive.writestr("ChatExport/css/style.css", "x")
    choice = choose(export_of(path))
    assert [one.native_id for one in posts(list(read(choice, Reading(source="s"))))] == ["1", "2", "10"]
    assert choice.links == ("export.zip/ChatExport/messages11.html",)


def test_every_message_leads_back_to_its_own_bytes(write):
    path = write("".join(post(number, f"نص {number}") for number in range(30)))
    for found in posts(items_of(path)):
        source = source_bytes(path, found).decode()
        assert source.startswith('<div class="message default')
        assert source.endswith("</div>")
        assert f'id="message{found.native_id}"' in source
        assert found.text in source
        assert source.count('class="text"') == 1


def test_a_page_over_many_chunks_loses_nothing(write):
    path = write("".join(post(number, f"نص {number} " + "قصف " * 200) for number in range(3_000)))
    assert path.stat().st_size > 3 << 20
    items = items_of(path)
    assert [one.native_id for one in posts(items)] == [str(number) for number in range(3_000)]
    assert rejections(items) == []


def test_other_layouts_of_the_same_page(write):
    """Re-indented, or on one line, or with attributes in another order: the tags decide, not the white space."""
    path = write(divider(-1, "x") + post(1, "a\nb") + post(2, author=None))
    whole = path.read_text(encoding="utf-8")
    plain = [(one.native_id, one.text, one.author_name) for one in posts(items_of(path))]
    for other in (
        " ".join(whole.split("\n")),
        whole.replace(
            '<div class="message default clearfix" id="message1">',
            '<div id="message1" class="message default clearfix">',
        ),
        whole.replace("\n", "\r\n"),
        "\ufeff" + whole,
    ):
        path.write_text(other, encoding="utf-8", newline="")
        assert [(one.native_id, one.text, one.author_name) for one in posts(items_of(path))] == plain
    path.write_text(whole, encoding="utf-16")
    found = posts(items_of(path))
    assert [(one.native_id, one.text, one.author_name) for one in found] == plain
    assert source_bytes(path, found[0]) in path.read_bytes()


def test_what_is_broken_costs_itself(write):
    body = post(1) + post(2, title="99.99.2024 13:00:00") + post(3).replace(' id="message3"', "")
    body += post(4).replace('class="pull_right date details"', "") + post(5)
    items = items_of(write(body))
    assert [one.native_id for one in posts(items)] == ["1", "5"]
    assert [one.reason for one in rejections(items)] == [Reason.BAD_TIME, Reason.NO_ID, Reason.NO_TIME]


def test_a_cut_page_is_told(write):
    path = write("".join(post(number) for number in range(10)))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex("على الحي".encode())])
    items = items_of(path)
    assert len(posts(items)) == 9
    assert [one.reason for one in rejections(items)] == [Reason.TRUNCATED]
    path.write_bytes(whole[: whole.rindex(b'<div class="message')])
    items = items_of(path)
    assert len(posts(items)) == 9
    assert [one.reason for one in rejections(items)] == [Reason.TRUNCATED]


def test_a_message_without_end_is_bounded(write):
    path = write(post(1) + post(2, "x" * 3_000_000) + post(3))
    items = list(read(choose(export_of(path, limits=Limits(record_bytes=1 << 20))), Reading(source="s")))
    assert [one.native_id for one in posts(items)] == ["1", "3"]
    assert [one.reason for one in rejections(items)] == [Reason.TOO_LARGE]


def test_pages_that_are_none(tmp_path):
    path = tmp_path / "export_results.html"
    path.write_text(
        '<html><body><div class="page_body list_page"><div class="entry">Chats</div></div></body></html>'
    )
    with pytest.raises(ExportError, match="export_results"):
        choose(export_of(path))
    path.write_text("<html><body>hello</body></html>")
    with pytest.raises(ExportError, match="no message"):
        items_of(path, "telegram_html")
