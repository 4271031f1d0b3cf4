"""WhatsApp: shapes of heads, day and month, WhatsApp's own lines, names with colons."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.records import Reason

RLM, LRM, NNBSP = "\u200f", "\u200e", "\u202f"


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str | bytes, reader: str = "whatsapp", **settings):
        path = tmp_path / "chat.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return items_of(path, reader, **settings)

    return reading


SHAPES = [
    ("1/5/2025، 09:17 - A: x\n13/5/2025، 21:05 - A: y", "minute"),
    (f"١{RLM}/٥{RLM}/٢٠٢٥، ٩:١٧ ص - A: x\n١٣{RLM}/٥{RLM}/٢٠٢٥، ٩:٠٥ م - A: y", "minute"),
    (f"5/1/25, 9:17{NNBSP}AM - A: x\n5/13/25, 9:05{NNBSP}PM - A: y", "minute"),
    ("01/05/2025, 09:17 - A: x\n13/05/2025, 21:05 - A: y", "minute"),
    (f"{LRM}[1/5/2025, 9:17:00 AM] A: x\n[13/5/2025, 9:05:00 PM] A: y", "second"),
    (f"{RLM}[١{RLM}/٥{RLM}/٢٠٢٥، ٩:١٧:٠٠ ص] A: x\n{RLM}[١٣{RLM}/٥{RLM}/٢٠٢٥، ٩:٠٥:٠٠ م] A: y", "second"),
    ("[01.05.25, 09:17:00] A: x\n[13.05.25, 21:05:00] A: y", "second"),
    ("01.05.25, 09:17 - A: x\n13.05.25, 21:05 - A: y", "minute"),
    ("1.05.2025 09:17 - A: x\n13.05.2025 21:05 - A: y", "minute"),
    ("2025/5/1، 9:17 - A: x\n2025/5/13، 21:05 - A: y", "minute"),
    ("۲۰۲۵/۵/۱،\u200f ۹:۱۷ - A: x\n۲۰۲۵/۵/۱۳،\u200f ۲۱:۰۵ - A: y", "minute"),
    ("۱۴۰۴/۲/۱۱،\u200f ۹:۱۷ - A: x\n۱۴۰۴/۲/۲۳،\u200f ۲۱:۰۵ - A: y", "minute"),
    ("٢٠٢٥-٠٥-٠١ ٩:١٧ پ.ن - A: x\n٢٠٢٥-٠٥-١٣ ٩:٠٥ د.ن - A: y", "minute"),
    ("1/5/25, 9:17 a. m. - A: x\n13/5/25, 9:05 p. m. - A: y", "minute"),
    ("01/05/2025, 09:17 – A: x\n13/05/2025, 21:05 – A: y", "minute"),
    ("1.5.2025, 9:17 אחה״צ - A: x\n13.5.2025, 9:05 אחה״צ - A: y", "afternoon"),
    ("\ufeff1/5/2025, 09:17 - A: x\r\n13/5/2025, 21:05 - A: y\r\n", "minute"),
    ("1/5/2025, 09:17 - A: x\r13/5/2025, 21:05 - A: y\r", "minute"),
]


@pytest.mark.parametrize(("text", "precision"), SHAPES)
def test_shapes(read, text, precision):
    items = read(text, "auto", zone="Asia/Damascus")
    first, last = posts(items)
    assert len(items) == 2
    assert first.posted_local == datetime(2025, 5, 1, 21 if precision == "afternoon" else 9, 17)
    assert last.posted_local == datetime(2025, 5, 13, 21, 5)
    assert last.posted_at == datetime(2025, 5, 13, 18, 5, tzinfo=UTC)
    assert (first.text, last.text, last.author_name) == ("x", "y", "A")
    assert last.zone_source == "declared"
    assert last.time_precision == ("second" if precision == "second" else "minute")


def test_all_shapes_give_the_same_ids(read):
    for text, precision in SHAPES:
        if precision != "afternoon":
            assert [post.post_id[-18:] for post in posts(read(text))] == [
                post.post_id[-18:] for post in posts(read(SHAPES[0][0]))
            ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1256"])
def test_encodings(read, encoding):
    text = "1/5/2025، 09:17 - أبو محمد: سقطت قذيفة على حي الشعار\n13/5/2025، 21:05 - أبو محمد: نعم\n"
    items = read(text.encode(encoding), "auto")
    assert [post.text for post in posts(items)] == ["سقطت قذيفة على حي الشعار", "نعم"]
    assert [item.origin.locator for item in items] == ["line 1", "line 2"]


@pytest.mark.parametrize(
    ("clock", "hour"),
    [("12:05 AM", 0), ("12:05 PM", 12), ("١٢:٠٥ ص", 0), ("١٢:٠٥ م", 12), ("1:05 pm", 13), ("13:05", 13)],
)
def test_noon_and_midnight(read, clock, hour):
    (post,) = posts(read(f"13/5/2025, {clock} - A: x"))
    assert post.posted_local == datetime(2025, 5, 13, hour, 5)


@pytest.mark.parametrize(
    ("dates", "declared", "read_as"),
    [
        (["3/4/2025", "13/4/2025"], "auto", "2025-04-03"),
        (["3/4/2025", "4/13/2025"], "auto", "2025-03-04"),
        (["3/4/2025", "3/5/2025", "4/1/2025"], "auto", "2025-03-04"),
        (["1/2/2025", "2/2/2025", "1/3/2025"], "auto", "2025-02-01"),
        (["3/4/2025"], "dmy", "2025-04-03"),
        (["3/4/2025"], "mdy", "2025-03-04"),
        (["3/4/2025", "13/4/2025"], "mdy", "2025-04-03"),  # a 13 is no month, whatever is declared
        (["5/5/2025"], "auto", "2025-05-05"),
    ],
)
def test_day_order(read, dates, declared, read_as):
    found = posts(read("\n".join(f"{day}, 09:17 - A: x" for day in dates), day_order=declared))
    assert len(found) == len(dates)
    assert str(found[0].posted_local.date()) == read_as


def test_undecided_day_order_stops_and_says_what_to_set(read):
    for text in ("3/4/2025, 09:17 - A: x", "13/1/2025, 09:17 - A: x\n1/13/2025, 09:17 - A: x"):
        with pytest.raises(ExportError, match="day_order to dmy or mdy for source s"):
            read(text)


def test_order_of_time_need_not_rise(read):
    found = posts(read("13/5/2025, 09:17 - A: x\n12/5/2025, 09:17 - A: y\n14/5/2025, 09:17 - A: z"))
    assert [post.posted_local.day for post in found] == [13, 12, 14]


BEGIN = "13/5/2025, 21:05 - "


@pytest.mark.parametrize(
    ("body", "kind", "text", "media"),
    [
        ("A: plain", "post", "plain", ()),
        ("A: two\nlines", "post", "two\nlines", ()),
        ("A: with\n\nblank line", "post", "with\n\nblank line", ()),
        ("A: clock\nالساعة: 14:30 - تقريباً", "post", "clock\nالساعة: 14:30 - تقريباً", ()),
        ("A: date\n14/5/2025 is near", "post", "date\n14/5/2025 is near", ()),
        ("A: a - b: c", "post", "a - b: c", ()),
        ("A: https://t.me/x/1", "post", "https://t.me/x/1", ()),
        ("A:", "post", "", ()),
        ("A: ", "post", "", ()),
        ("A: <Media omitted>", "media", "", ("media",)),
        (f"A: {LRM}<تم استبعاد الوسائط>", "media", "", ("media",)),
        (f"A: {LRM}image omitted", "media", "", ("image",)),
        (f"A: {LRM}لم يتم إدراج الصورة", "media", "", ("image",)),
        ("A: لم يتم إدراج الصورة في التقرير", "post", "لم يتم إدراج الصورة في التقرير", ()),
        ("A: <Media omitted> is what I got", "post", "<Media omitted> is what I got", ()),
        (f"A: {LRM}IMG-20250513-WA0001.jpg (file attached)", "media", "", ("IMG-20250513-WA0001.jpg",)),
        ("A: IMG-1.jpg (الملف مرفق)\nتعليق", "post", "تعليق", ("IMG-1.jpg",)),
        (f"A: {LRM}<attached: 0001-PHOTO.jpg>", "media", "", ("0001-PHOTO.jpg",)),
        (f"A: {LRM}<مرفق: 0001-PHOTO.jpg>", "media", "", ("0001-PHOTO.jpg",)),
        ("A: This message was deleted", "deleted", "", ()),
        ("A: تم حذف هذه الرسالة.", "deleted", "", ()),
        ("A: تم حذف هذه الرسالة من القناة", "post", "تم حذف هذه الرسالة من القناة", ()),
        ("A: POLL:\nQ?\nOPTION: yes (1 vote)", "poll", "POLL:\nQ?\nOPTION: yes (1 vote)", ()),
        ("A: \u2068@B\u2069 مرحبا", "post", "\u2068@B\u2069 مرحبا", ()),
        (f"A: new text {LRM}<This message was edited>", "post", "new text", ()),
        (f"A: نص {LRM}<تم تعديل هذه الرسالة>", "post", "نص", ()),
        ("A: messages are encrypted end to end", "post", "messages are encrypted end to end", ()),
        ("+963 944 000 111: x", "post", "x", ()),
    ],
)
def test_bodies(read, body, kind, text, media):
    items = read(f"{BEGIN}Z: before\n{BEGIN}{body}\n{BEGIN}Z: after\n")
    assert len(items) == 3
    post = posts(items)[1]
    assert (post.kind, post.text, post.media) == (kind, text, media)
    assert post.extra.get("edited", False) == ("edit" in body or "تعديل" in body)


@pytest.mark.parametrize(
    "line",
    [
        "Messages and calls are end-to-end encrypted. Only people in this chat can read: Learn more.",
        "الرسائل والمكالمات مشفرة تمامًا بين الطرفين، بحيث لا يستطيع أحد قراءتها: اضغط",
        "الغاب اليوم: الرسائل والمكالمات مشفرة تمامًا بين الطرفين.",
        "أضاف أبو محمد \u200f+963 955 222 333\u200f",
        "Ahmad left",
        "Ahmad changed the subject from “A: b” to “C: d”",
        'Ahmad created group "North: news"',
        "غيّر أحمد اسم المجموعة من “أ: ب” إلى “ج”",
    ],
)
def test_lines_of_whatsapp_itself(read, line):
    items = read(f"{BEGIN}Z: before\n{BEGIN}{line}\n{BEGIN}Z: after")
    assert (len(posts(items)), len(nonposts(items)), len(rejections(items))) == (2, 1, 0)


@pytest.mark.parametrize(
    "line",
    [
        "Ghab News: \u200eAhmad created this group",
        "Ahmad: \u200eAhmad added Rim",
        "Rim: \u200eRim left",
        "Ahmad: \u200eMissed voice call",
        "أخبار الغاب: \u200eأنشأ أحمد هذه المجموعة",
        "أحمد: \u200eأضاف أحمد ريم",
        "ريم: \u200eغادرت ريم",
    ],
)
def test_notices_of_ios_stand_behind_a_name(read, line):
    head = "[13/05/2025, 21:05:00] "
    items = read(f"{head}Z: before\n{LRM}{head}{line}\n{head}Z: after")
    assert (len(posts(items)), len(nonposts(items)), len(rejections(items))) == (2, 1, 0)
    unmarked = read(f"{head}Z: before\n{head}{line.replace(LRM, '')}\n{head}Z: after")
    assert len(posts(unmarked)) == 3  # a person may say so


@pytest.mark.parametrize(
    "text", ["\u200eReport of the day", "\u200eLocation: https://x.org/?q=35,36", "\u200eوصلنا حماة"]
)
def test_a_direction_mark_alone_makes_no_notice(read, text):
    (post,) = posts(read(f"[13/05/2025, 21:05:00] Z: {text}"))
    assert post.text == text


def test_a_pasted_chat_in_a_short_one(read):
    pasted = "[5/1/25, 9:17:00 AM] B: come\n[5/1/25, 9:18:00 AM] A: no"
    items = read(f"{BEGIN}A: look\n{pasted}\n{BEGIN}B: 2\n")
    assert [post.text for post in posts(items)] == [f"look\n{pasted}", "2"]


def test_names_with_a_colon(read):
    text = "".join(f"{BEGIN}Dr: Ahmad: text {number}: more\n" for number in range(4))
    found = posts(read(text + f"{BEGIN}B: note: x"))
    assert {post.author_name for post in found} == {"Dr: Ahmad", "B"}
    assert [post.text for post in found][-2:] == ["text 3: more", "note: x"]


def test_a_habit_of_a_writer_is_no_name(read):
    text = f"{BEGIN}A: عاجل: خبر\n{BEGIN}A: عاجل: خبر آخر\n{BEGIN}A: تصحيح: لا\n"
    assert {post.author_name for post in posts(read(text))} == {"A"}


def test_a_pasted_chat_of_another_phone_stays_in_its_message(read):
    pasted = "[5/1/25, 9:17:00 AM] B: what they said"
    items = read(f"{BEGIN}A: 1\n" * 5 + f"{BEGIN}A: look\n{pasted}\n" + f"{BEGIN}A: 2\n")
    assert len(posts(items)) == 7
    assert posts(items)[5].text == f"look\n{pasted}"


def test_marks_around_names_are_no_part_of_them(read):
    (post,) = posts(read(f"{LRM}[13/5/2025, 21:05:00] \u202a+963 944 000 111\u202c: x"))
    assert post.author_name == "+963 944 000 111"
    (post,) = posts(read("[13/5/2025, 21:05:00] ~\u202fSami: x"))
    assert post.author_name == "Sami"


def test_words_before_the_first_head(read):
    items = read(f"lost words\n\n{BEGIN}A: x")
    assert [rejection.reason for rejection in rejections(items)] == [Reason.STRAY_TEXT]
    assert rejections(items)[0].origin.locator == "lines 1-2"
    assert len(posts(items)) == 1


def test_a_day_that_does_not_exist(read):
    items = read(f"{BEGIN}A: x\n31/2/2025, 10:00 - A: y\n13/5/2025, 25:00 - A: z")
    assert [rejection.reason for rejection in rejections(items)] == [Reason.BAD_TIME] * 2
    assert "31/2/2025" in rejections(items)[0].detail


def test_same_words_twice_in_a_minute_are_two_posts(read):
    text = f"{BEGIN}A: ok\n{BEGIN}A: ok\n{BEGIN}B: ok\n"
    ids = [post.post_id for post in posts(read(text, group="g"))]
    assert ids[0].startswith("whatsapp:g:h:")
    assert (ids[0][-2:], ids[1][-2:], ids[0][:-2] == ids[1][:-2]) == ("#1", "#2", True)
    assert len(set(ids)) == 3


def test_a_later_export_meets_the_same_ids(read):
    early = f"{BEGIN}A: ok\n{BEGIN}A: ok\n"
    late = early + f"{BEGIN}A: ok\n14/5/2025, 10:00 - B: new\n"
    first, second = ([post.post_id for post in posts(read(text))] for text in (early, late))
    assert second[:2] == first
    assert len(set(second)) == 4


def test_without_zone_only_an_interval_is_known(read):
    (post,) = posts(read(f"{BEGIN}A: x"))
    assert (post.posted_at, post.zone_source) == (None, "unknown")
    assert post.extra["posted_between"] == ["2025-05-13T07:05:00Z", "2025-05-14T11:05:00Z"]


def test_no_chat_at_all(read):
    for text in ("", "hello\nworld", "12:30 - x: y", "1/5/2025 something"):
        with pytest.raises(ExportError, match=r"chat\.txt: no line begins like"):
            read(text)


def test_locators_give_the_lines(tmp_path):
    path = tmp_path / "chat.txt"
    path.write_bytes(f"{BEGIN}A: one\r\ntwo\r\n{BEGIN}A: three".encode())
    first, second = items_of(path)
    assert source_bytes(path, first) == f"{BEGIN}A: one\r\ntwo\r\n".encode()
    assert source_bytes(path, second) == f"{BEGIN}A: three".encode()


MORE_SHAPES = [
    ("5/1/25, 9:17:00 AM: A: x\n5/13/25, 9:05:00 PM: A: y", "second"),  # iOS before 2018
    ("01/05/2025 à 09:17 - A: x\n13/05/2025 à 21:05 - A: y", "minute"),
    ("[1.5.2025 klo 9.17.00] A: x\n[13.5.2025 klo 21.05.00] A: y", "second"),
    ("2025-05-01, 09 h 17 - A: x\n2025-05-13, 21 h 05 - A: y", "minute"),
    ("1.05.25 г., 9:17 - A: x\n13.05.25 г., 21:05 - A: y", "minute"),
    ("2025/5/1 上午9:17 - A: x\n2025/5/13 下午9:05 - A: y", "minute"),
    ("2025. 5. 1. 오전 9:17 - A: x\n2025. 5. 13. 오후 9:05 - A: y", "minute"),
    ("1/5/25, 9:17 π.μ. - A: x\n13/5/25, 9:05 μ.μ. - A: y", "minute"),
    ("1/5/2568 09:17 - A: x\n13/5/2568 21:05 - A: y", "minute"),  # Thailand
    ("٣/١١/١٤٤٦ هـ، ٩:١٧ ص - A: x\n١٥/١١/١٤٤٦ هـ، ٩:٠٥ م - A: y", "minute"),  # Saudi Arabia, Umm al-Qura
    ("01/05/25 09.17 - A: x\n13/05/25 21.05 - A: y", "minute"),
]


@pytest.mark.parametrize(("text", "precision"), MORE_SHAPES)
def test_shapes_of_other_phones(read, text, precision):
    first, last = posts(read(text, "auto"))
    assert first.posted_local == datetime(2025, 5, 1, 9, 17)
    assert last.posted_local == datetime(2025, 5, 13, 21, 5)
    assert (first.text, last.text, last.time_precision) == ("x", "y", precision)


@pytest.mark.parametrize(
    "line",
    [
        "Ahmad hat den Betreff von „A: b“ zu „C: d“ geändert",
        "Ahmad a changé le sujet de « A: b » à « C »",
        "הודעות ושיחות מוצפנות מקצה לקצה: אף אחד מחוץ לצ'אט הזה לא יכול לקרוא אותן.",
        "Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt: mehr erfahren.",
    ],
)
def test_lines_of_whatsapp_in_other_languages(read, line):
    items = read(f"{BEGIN}Z: before\n{BEGIN}{line}\n{BEGIN}Z: after")
    assert (len(posts(items)), len(nonposts(items))) == (2, 1)


def test_the_group_writes_only_notices_on_ios_in_any_language(read):
    head = "[13/05/2025, 21:05:00] "
    chat = (
        f"{head}Vecinos: {LRM}Aviso de cifrado en un idioma desconocido\n{head}Z: hola\n"
        f"{head}Vecinos: {LRM}Z ha hecho algo\n{head}Z: {LRM}ver esto\n"
    )
    items = read(chat)
    assert [post.text for post in posts(items)] == ["hola", f"{LRM}ver esto"]
    assert len(nonposts(items)) == 2
    spoken = read(chat + f"{head}Vecinos: hablo yo\n")  # the name of a person, in a chat of two
    assert len(posts(spoken)) == 5


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("imagen omitida", "media"),
        ("Bild weggelassen", "media"),
        ("PTT-20250328-WA0014.opus (archivo adjunto)", "media"),
        ("<Anhang: 0001-PHOTO.jpg>", "media"),
        ("Bu mesaj silindi.", "deleted"),
        ("این پیام حذف شد", "deleted"),
        ("la imagen omitida en el informe", "post"),
    ],
)
def test_media_and_deletions_in_other_languages(read, body, kind):
    assert posts(read(f"{BEGIN}A: {body}"))[0].kind == kind


def test_a_log_file_is_no_chat(tmp_path):
    path = tmp_path / "service.log"
    path.write_text("2025-05-13 21:05:00 INFO: started\n2025-05-13 21:05:01,123 - root - WARNING: x\n" * 9)
    with pytest.raises(ExportError):
        items_of(path)


@pytest.mark.parametrize("name", ["_chat.txt", "WhatsApp Chat with X.txt", "دردشة واتساب مع أخبار الحي.txt"])
def test_the_zip_of_a_chat_with_its_media(tmp_path, name):
    path = tmp_path / "chat.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, f"{BEGIN}A: one\ntwo\n{BEGIN}B: <تم استبعاد الوسائط>\n")
        archive.writestr("IMG-1.jpg", b"\xff\xd8\xff")
    items = items_of(path)
    assert [post.text for post in posts(items)] == ["one\ntwo", ""]
    assert source_bytes(path, posts(items)[0]).decode() == f"{BEGIN}A: one\ntwo\n"
    assert len(nonposts(items)) == 1  # the photo


@pytest.mark.parametrize(
    "head",
    ["3/4/2025، 09:17 - ", "٣/٤/٢٠٢٥، ٩:١٧ ص - ", "03.04.25, 09:17 - ", "[03.04.25, 09:17:00] "],
)
def test_heads_that_no_phone_writes_with_the_month_first(read, head):
    found = posts(read(f"{head}A: x\n{head}A: y"))
    assert [str(post.posted_local.date()) for post in found] == ["2025-04-03"] * 2
    assert str(posts(read(f"{head}A: x", day_order="mdy"))[0].posted_local.date()) == "2025-03-04"


def test_a_marked_line_that_names_its_writer_is_a_notice(read):
    head = "[13/05/2025, 21:05:00] "
    items = read(
        f"{head}Rim: hallo\n{head}Rim: {LRM}Rim hat Sami hinzugefügt\n{head}Rim: {LRM}Bild weggelassen\n"
    )
    assert [post.kind for post in posts(items)] == ["post", "media"]
    assert len(nonposts(items)) == 1
