"""WordPress pages saved from the browser, of themes of several eras, and WordPress's own export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import export_of, items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError
from pipeline.readers import Limits, Reading, choose, read
from pipeline.records import Reason

ZONE = "Asia/Damascus"


def page(comments: str, head: str = "", article: str = "", body: str = "postid-77") -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="ar"><head><meta charset="utf-8">{head}'
        f'<link rel="canonical" href="https://www.example.org/2016/01/p/"></head><body class="single {body}">'
        f'{article}<div id="comments">{comments}</div><div id="respond"><form id="commentform">'
        f'<textarea id="comment">x</textarea></form></div></body></html>\n'
    )


ARTICLE = (
    '<article id="post-77" class="post"><h1 class="entry-title">عنوان المقال</h1>'
    '<time class="entry-date published" datetime="2016-01-02T10:00:00+02:00">2 يناير، 2016</time>'
    '<span class="author vcard"><a class="url fn n">محرر</a></span>'
    '<div class="entry-content"><p>نص <a href="https://x.org/a">المقال</a>.</p><p>فقرة</p>'
    '<div class="sharedaddy">Share</div></div></article>'
)

KUBRICK = (  # the theme of WordPress 1.5 to 2.9
    '<h3 id="comments">3 Responses</h3><ol class="commentlist">'
    '<li class="alt" id="comment-1"><cite><a href="http://x" rel="external nofollow">Tara</a></cite> Says:<br />\n'
    '<small class="commentmetadata"><a href="#comment-1" title="">January 3rd, 2016 at 8:07 pm</a> </small>\n'
    "<p>I was there. Abu Omar said: &#8220;it&#8221;</p>\n<p>Second<br />\nline</p></li>"
    '<li id="comment-2"><cite>أبو محمد</cite> Says:<br />'
    '<small class="commentmetadata"><a href="#comment-2">January 3rd, 2016 at 11:59 pm</a></small><p>سمعنا 8:07 pm</p></li></ol>'
)
WALKER = (  # wp_list_comments() since 2.7, numbered
    '<ol class="commentlist">'
    '<li class="comment even thread-even depth-1 parent" id="comment-1"><div id="div-comment-1" class="comment-body">'
    '<div class="comment-author vcard">1. <img alt="" class="avatar avatar-32"> <cite class="fn"><a class="url">Tara</a></cite> '
    '<span class="says">said:</span></div><div class="comment-meta commentmetadata"><a href="https://www.example.org/p/#comment-1">\n'
    'January 3rd, 2016, 8:07 pm</a>&nbsp;&nbsp;<a class="comment-edit-link">(Edit)</a></div>'
    '<p>I was there. Abu Omar said: &#8220;it&#8221;</p>\n<p>Second<br />\nline</p><div class="reply"><a>Reply</a></div></div>'
    '<ul class="children"><li class="comment odd alt depth-2" id="comment-2"><div id="div-comment-2" class="comment-body">'
    '<div class="comment-author vcard"><cite class="fn">أبو محمد</cite> <span class="says">said:</span></div>'
    '<div class="comment-meta commentmetadata"><a href="p#comment-2">January 3rd, 2016, 11:59 pm</a></div>'
    '<p>سمعنا 8:07 pm</p><div class="reply"><a>Reply</a></div></div></li></ul></li></ol>'
)
HTML5 = (  # twenty thirteen and later, in Arabic
    '<ol class="comment-list"><li id="comment-1" class="comment byuser even depth-1 parent">'
    '<article id="div-comment-1" class="comment-body"><footer class="comment-meta"><div class="comment-author vcard">'
    '<img class="avatar"> <b class="fn">Tara</b> <span class="says">يقول:</span></div><div class="comment-metadata">'
    '<a href="https://www.example.org/p/#comment-1"><time datetime="2016-01-03T20:07:00+02:00">3 يناير، 2016 الساعة 8:07 م</time>'
    '</a> <span class="edit-link"><a>تحرير</a></span></div></footer><div class="comment-content">'
    "<p>I was there. Abu Omar said: “it”</p><p>Second<br>line</p></div>"
    '<div class="reply"><a class="comment-reply-link">رد</a></div></article><ol class="children">'
    '<li id="comment-2" class="comment odd alt depth-2"><article id="div-comment-2" class="comment-body">'
    '<footer class="comment-meta"><div class="comment-author vcard"><b class="fn">أبو محمد</b></div><div class="comment-metadata">'
    '<time datetime="2016-01-03T23:59:00+02:00">3 يناير، 2016 الساعة 11:59 م</time></div></footer>'
    '<div class="comment-content"><p>سمعنا 8:07 pm</p></div></article></li></ol></li></ol>'
)
CALLBACK = (  # a theme's own callback, day and month in numbers
    '<ul class="commentlist"><li class="comment" id="li-comment-1"><div id="comment-1"><div class="comment-author">Tara</div>'
    '<div class="comment-date">13/05/2016 الساعة 8:07 مساءً</div><div class="comment-text">'
    "<p>I was there. Abu Omar said: “it”</p><p>Second<br/>line</p></div></div></li>"
    '<li class="comment" id="li-comment-2"><div id="comment-2"><div class="comment-author">أبو محمد</div>'
    '<div class="comment-date">14/05/2016 الساعة 11:59 مساءً</div><div class="comment-text"><p>سمعنا 8:07 pm</p></div></div></li></ul>'
)
BLOCKS = (  # block themes since 5.9
    '<ol class="wp-block-comment-template"><li id="comment-1" class="comment even depth-1"><div class="wp-block-columns">'
    '<div class="wp-block-comment-author-name"><a>Tara</a></div><div class="wp-block-comment-date">'
    '<time datetime="2016-01-03T20:07:00+02:00"><a href="https://www.example.org/p/#comment-1">x</a></time></div>'
    '<div class="wp-block-comment-content"><p>I was there. Abu Omar said: “it”</p><p>Second<br>line</p></div>'
    '<div class="wp-block-comment-reply-link"><a>رد</a></div></div><ol><li id="comment-2" class="comment odd depth-2">'
    '<div class="wp-block-comment-author-name">أبو محمد</div><div class="wp-block-comment-date">'
    '<time datetime="2016-01-03T23:59:00+02:00">x</time></div><div class="wp-block-comment-content"><p>سمعنا 8:07 pm</p></div></li></ol></li></ol>'
)
DIVS = (  # style=div, unquoted ids, a microformat for the time
    '<div class="commentlist"><div class="comment even depth-1" id=comment-1><h4 class="comment-author">Tara</h4>'
    '<abbr class="published" title="2016-01-03T20:07:00+02:00">Sunday</abbr><div class="comment-entry">'
    "<p>I was there. Abu Omar said: “it”</p><p>Second<br>line</p></div></div>"
    '<div class="comment odd depth-1" id=comment-2><h4 class="comment-author">أبو محمد</h4>'
    '<abbr class="published" title="2016-01-03T23:59:00+02:00">Sunday</abbr><div class="comment-entry"><p>سمعنا 8:07 pm</p></div></div></div>'
)
NO_DATES = (
    '<ul class="comment-list"><li class="comment even" id="comment-1"><b class="fn">Tara</b><div class="comment-content">'
    "<p>I was there. Abu Omar said: “it”</p><p>Second<br>line</p></div></li>"
    '<li class="comment odd" id="comment-2"><b class="fn">أبو محمد</b><div class="comment-content"><p>سمعنا 8:07 pm</p></div></li></ul>'
)
THEMES = {
    # name: comments, first time, second answers the first, zone_source
    "kubrick": (KUBRICK, datetime(2016, 1, 3, 20, 7), False, "declared"),
    "walker": (WALKER, datetime(2016, 1, 3, 20, 7), True, "declared"),
    "html5": (HTML5, datetime(2016, 1, 3, 20, 7), True, "offset"),
    "callback": (CALLBACK, datetime(2016, 5, 13, 20, 7), False, "declared"),
    "blocks": (BLOCKS, datetime(2016, 1, 3, 20, 7), True, "offset"),
    "divs": (DIVS, datetime(2016, 1, 3, 20, 7), False, "offset"),
    "no_dates": (NO_DATES, None, False, "unknown"),
}


def write(tmp_path: Path, content: str | bytes, name: str = "page.html") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", THEMES)
def test_themes(tmp_path, name):
    comments, first, answers, source = THEMES[name]
    path = write(tmp_path, page(comments, article=ARTICLE))
    assert choose(export_of(path)).name == "wordpress_html"
    items = items_of(path, zone=ZONE)
    article, one, two = items
    assert [article.kind, one.kind, two.kind] == ["article", "comment", "comment"]
    assert (article.post_id, article.text) == ("blog:example.org:77", "نص المقال.\n\nفقرة")
    assert (article.author_name, article.extra["title"], article.extra["comments"]) == (
        "محرر",
        "عنوان المقال",
        2,
    )
    assert article.posted_local == datetime(2016, 1, 2, 10)
    assert (one.post_id, one.author_name) == ("blog:example.org:comment-1", "Tara")
    assert (two.native_id, two.author_name) == ("comment-2", "أبو محمد")
    assert one.text == "I was there. Abu Omar said: “it”\n\nSecond\nline"
    assert two.text == "سمعنا 8:07 pm"
    assert (one.posted_local, one.zone_source) == (first, source)
    assert (one.reply_to, two.reply_to) == (article.post_id, one.post_id if answers else article.post_id)
    assert b"I was there" in source_bytes(path, one)
    assert b"8:07 pm</p>" in source_bytes(path, two)
    assert "سمعنا".encode() not in source_bytes(path, one)


@pytest.mark.parametrize("deep", [1, 5])
def test_a_page_of_390_comments(tmp_path, deep):
    def item(number: int) -> str:
        inside = item(number + 1) if number % deep else ""
        return (
            f'<li id="comment-{number}" class="comment depth-1"><b class="fn">اسم {number}</b>'
            f'<time datetime="2016-01-03T20:07:00+02:00">x</time><div class="comment-content"><p>تعليق {number}</p></div>'
            f"{'<ol class=children>' + inside + '</ol>' if inside else ''}</li>\n"
        )

    lists = "".join(item(number) for number in range(1, 391, deep))
    ping = '<li class="pingback even" id="comment-900"><p>Pingback: <a href="http://q">Other</a></p></li>'
    path = write(tmp_path, page(f'<ol class="comment-list">{lists}{ping}</ol>', article=ARTICLE))
    items = items_of(path)
    comments = [post for post in posts(items) if post.kind == "comment"]
    assert [post.text for post in comments] == [f"تعليق {number}" for number in range(1, 391)]
    assert [post.native_id for post in comments] == [f"comment-{number}" for number in range(1, 391)]
    assert [told.what for told in nonposts(items)] == ["pingback: Pingback: Other"]
    assert len(items) == 392
    if deep > 1:
        assert sum(post.reply_to == "blog:example.org:77" for post in comments) == 390 // deep
    for post in comments[::37]:
        assert post.text.encode() in source_bytes(path, post)


def test_the_zone_of_an_old_page_is_not_believed(tmp_path):
    comment = '<li class="comment even" id="comment-1"><b class="fn">A</b><time datetime="2016-07-03T20:07:00+00:00">x</time><p>hi</p></li>'
    old = write(tmp_path, page(comment, head='<meta name="generator" content="WordPress 4.9.8">'), "old.html")
    new = write(tmp_path, page(comment, head='<meta name="generator" content="WordPress 6.2">'), "new.html")
    (before,), (after,) = posts(items_of(old, zone=ZONE)), posts(items_of(new, zone=ZONE))
    assert (before.posted_local, before.zone_source) == (datetime(2016, 7, 3, 20, 7), "declared")
    assert (after.posted_at, after.zone_source) == (datetime(2016, 7, 3, 20, 7, tzinfo=UTC), "offset")


def test_day_and_month_that_nothing_decides_stay_open(tmp_path):
    comment = '<li class="comment even" id="comment-1"><b class="fn">A</b><span class="comment-date">03/04/2016 20:07</span><p>hi</p></li>'
    path = write(tmp_path, page(comment))
    (post,) = posts(items_of(path, zone=ZONE))
    assert (post.posted_local, post.extra["time_printed"]) == (None, "03/04/2016 20:07")
    (post,) = posts(items_of(path, zone=ZONE, day_order="dmy"))
    assert post.posted_local == datetime(2016, 4, 3, 20, 7)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1256"])
def test_encodings(tmp_path, encoding):
    markup = (
        page(HTML5, article=ARTICLE)
        .replace('charset="utf-8"', f'charset="{encoding}"')
        .replace("“it”", '"it"')
    )
    path = write(tmp_path, markup.encode(encoding))
    assert choose(export_of(path)).name == "wordpress_html"
    items = items_of(path)
    assert [post.author_name for post in posts(items)] == ["محرر", "Tara", "أبو محمد"]
    for item in items:
        assert source_bytes(path, item).decode(encoding).lstrip("\ufeff").startswith("<")


def test_a_page_that_was_cut(tmp_path):
    whole = page(WALKER, article=ARTICLE)
    path = write(tmp_path, whole[: whole.index("سمعنا") + 3])
    items = items_of(path)
    assert [post.kind for post in posts(items)] == ["article", "comment"]
    assert [refused.reason for refused in rejections(items)] == [Reason.TRUNCATED]


def test_nothing_of_a_page_is_run_and_depth_is_no_danger(tmp_path):
    deep = "<div>" * 1_000 + "<b>in</b>" + "</div>" * 1_000
    comment = (
        '<li class="comment even" id="comment-1"><b class="fn">A</b><div class="comment-content"><p onclick="x()">hi'
        f"<script>alert(1)</script><style>p{{}}</style></p>{deep}&lt;b&gt;</div></li>"
    )
    (post,) = posts(items_of(write(tmp_path, page(comment))))
    assert post.text.startswith("hi")
    assert "alert" not in post.text


def test_ids_that_stand_twice_and_lists_without_ids(tmp_path):
    twice = '<li class="comment even" id="comment-1"><b class="fn">A</b><p>hi</p></li>' * 2
    bare = '<ol class="commentlist"><li><cite>B</cite> says:<p>one</p></li><li><cite>B</cite> says:<p>one</p></li></ol>'
    items = posts(items_of(write(tmp_path, page(twice + bare))))
    assert [(post.author_name, post.text) for post in items] == [("A", "hi"), ("B", "one"), ("B", "one")]
    assert len({post.post_id for post in items}) == 3


@pytest.mark.parametrize(
    "markup",
    [
        "<html><body><p>hello</p></body></html>",
        '<html><body><div class="message default clearfix" id="message1"><div class="body"></div></div></body></html>',
        '<html><body><div id="comment-form"></div></body></html>',
    ],
)
def test_pages_that_are_none(tmp_path, markup):
    path = write(tmp_path, markup)
    with pytest.raises(ExportError, match=r"page\.html"):
        choose(export_of(path))
    if "message default" not in markup:
        with pytest.raises(ExportError, match=r"page\.html"):
            items_of(path, "wordpress_html")


def test_a_page_over_the_limit(tmp_path):
    export = export_of(write(tmp_path, page(HTML5) * 40), limits=Limits(record_bytes=1 << 12))
    with pytest.raises(ExportError, match="record_bytes"):
        list(read(choose(export), Reading(source="s")))


# WordPress's own export


def comment(number: int, text: str = "<![CDATA[نعم\nسطر]]>", **more: str) -> str:
    fields = {
        "comment_id": str(number),
        "comment_author": "<![CDATA[أبو محمد]]>",
        "comment_author_email": "a@example.org",
        "comment_author_IP": "127.0.0.1",
        "comment_date": "2016-01-03 20:07:00",
        "comment_date_gmt": "2016-01-03 18:07:00",
        "comment_content": text,
        "comment_approved": "1",
        "comment_type": "",
        "comment_parent": "0",
    } | more
    return (
        "<wp:comment>"
        + "".join(f"<wp:{name}>{value}</wp:{name}>" for name, value in fields.items())
        + "</wp:comment>\n"
    )


def item(number: int, content: str = "نص", comments: str = "", **more: str) -> str:
    fields = {
        "title": f"عنوان {number} &amp;",
        "link": f"https://www.example.org/?p={number}",
        "dc:creator": "<![CDATA[ed]]>",
        "content:encoded": f"<![CDATA[{content}]]>",
        "wp:post_id": str(number),
        "wp:post_date": "2016-01-02 12:00:00",
        "wp:post_date_gmt": "2016-01-02 10:00:00",
        "wp:status": "publish",
        "wp:post_type": "post",
    } | {name.replace("__", ":"): value for name, value in more.items()}
    inside = "".join(f"<{name}>{value}</{name}>\n" for name, value in fields.items())
    return f"<item>\n{inside}{comments}</item>\n"


def wxr(items: str, version: str = "1.2", doctype: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?>\n{doctype}<!-- generator="WordPress/4.9" -->\n<rss version="2.0" '
        f'xmlns:wp="http://wordpress.org/export/{version}/">\n<channel><title>مدونة &amp; أخبار</title>'
        f"<link>https://www.example.org</link><wp:wxr_version>{version}</wp:wxr_version>"
        "<wp:base_blog_url>https://www.example.org</wp:base_blog_url><wp:author><wp:author_login>ed</wp:author_login>"
        f"<wp:author_display_name><![CDATA[محرر]]></wp:author_display_name></wp:author>\n{items}</channel>\n</rss>\n"
    )


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_an_export_of_each_version(tmp_path, version):
    comments = (
        comment(1)
        + comment(2, comment_parent="1", comment_approved="spam")
        + comment(3, comment_type="pingback")
    )
    path = write(
        tmp_path,
        wxr(
            item(5, comments=comments) + item(6, wp__post_type="attachment") + item(7, wp__post_type="page"),
            version,
        ),
        "export.xml",
    )
    assert choose(export_of(path)).name == "wxr"
    items = items_of(path)
    post, one, two, three, page_ = posts(items)
    assert [told.what for told in nonposts(items)] == ["attachment: عنوان 6 &"]
    assert (post.kind, post.post_id, post.author_name, post.author_id) == (
        "article",
        "blog:example.org:5",
        "محرر",
        "ed",
    )
    assert (post.posted_at, post.posted_local) == (
        datetime(2016, 1, 2, 10, tzinfo=UTC),
        datetime(2016, 1, 2, 12),
    )
    assert (post.extra["title"], post.extra["status"], post.group_name) == (
        "عنوان 5 &",
        "publish",
        "مدونة & أخبار",
    )
    assert (one.text, one.reply_to, one.extra["approved"]) == ("نعم\nسطر", post.post_id, "1")
    assert (two.reply_to, two.extra["approved"]) == (one.post_id, "spam")
    assert [one.kind, three.kind, page_.kind] == ["comment", "pingback", "page"]
    assert source_bytes(path, one).decode() == comment(1).strip()
    assert source_bytes(path, post).startswith(b"<item>")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("one\n\n<b>two</b> &amp; three", "one\n\ntwo & three"),
        ("<!-- wp:paragraph --><p>a</p><!-- /wp:paragraph --><p>b</p>", "a\n\nb"),
        ("]]]]><![CDATA[> </item><item> <x>", "]]>"),
        ("<script>alert(1)</script>hi", "hi"),
        ("", ""),
    ],
)
def test_texts(tmp_path, content, text):
    (post,) = posts(items_of(write(tmp_path, wxr(item(1, content)), "x.xml")))
    assert post.text == text


def test_drafts_have_no_time(tmp_path):
    never = "0000-00-00 00:00:00"
    draft = item(1, wp__post_date_gmt=never, wp__post_date=never, wp__status="draft")
    waiting = item(2, comments=comment(9, comment_date_gmt=never))
    post, _, left = posts(items_of(write(tmp_path, wxr(draft + waiting), "x.xml"), zone=ZONE))
    assert (post.posted_at, post.posted_local, post.extra["status"]) == (None, None, "draft")
    assert (left.posted_local, left.zone_source) == (datetime(2016, 1, 3, 20, 7), "declared")


BOMB = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>\n'


@pytest.mark.parametrize(
    ("markup", "text", "notes"),
    [
        (comment(1, "a &b; &x; c"), "a &b; &x; c", ["entity"]),
        (comment(1, "a &nbsp;&eacute; &"), "a \xa0é &", ["entity"]),
        (comment(1, "<![CDATA[a\x0bb]]>"), "ab", ["control"]),
        (comment(1, "a <b>b"), "a b", ["markup"]),
    ],
)
def test_repairs(tmp_path, markup, text, notes):
    path = write(tmp_path, wxr(item(5, comments=markup + comment(2)), doctype=BOMB), "x.xml")
    _, one, two = posts(items_of(path))
    assert (one.text, one.extra["repaired"]) == (text, notes)
    assert "repaired" not in two.extra


def test_what_is_broken_costs_itself(tmp_path):
    broken = (
        item(1, comments=comment(1, "<![CDATA[open") + comment(2))
        + item(2).replace("</item>", "")
        + item(3, wp__post_id="")
        + item(4, wp__post_date="soon")
        + item(5)
    )
    items = items_of(write(tmp_path, wxr(broken), "x.xml"))
    assert [post.native_id for post in posts(items)] == ["1", "comment-1", "comment-2", "5"]
    assert (posts(items)[1].text, posts(items)[1].extra["repaired"]) == ("open", ["markup"])
    assert sorted(refused.reason for refused in rejections(items)) == sorted(
        [Reason.BAD_ROW, Reason.NO_ID, Reason.BAD_TIME]
    )


def test_a_section_that_is_not_closed(tmp_path):
    items = items_of(write(tmp_path, wxr(item(1).replace("]]>", "", 2) + item(2) + item(3)), "x.xml"))
    assert {post.native_id for post in posts(items)} >= {"3"}
    assert len(items) >= 2


@pytest.mark.parametrize("cut", [20, 200, 700])
def test_an_export_that_was_cut(tmp_path, cut):
    whole = wxr(item(1, comments=comment(1)) + item(2)).encode()
    items = items_of(write(tmp_path, whole[:-cut], "x.xml"))
    assert [refused.reason for refused in rejections(items)] == [Reason.TRUNCATED]


def test_items_over_many_chunks(tmp_path):
    text = "قصف " * 40_000
    path = write(tmp_path, wxr("".join(item(number, text + str(number)) for number in range(30))), "x.xml")
    read_items = posts(items_of(path))
    assert [post.text[-2:].strip() for post in read_items] == [str(number) for number in range(30)]
    assert source_bytes(path, read_items[17]).decode().endswith("</item>")


def test_an_item_over_the_limit(tmp_path):
    path = write(tmp_path, wxr(item(1) + item(2, "x" * 3_000_000) + item(3)), "x.xml")
    items = list(read(choose(export_of(path, limits=Limits(record_bytes=1 << 20))), Reading(source="s")))
    assert [post.native_id for post in posts(items)] == ["1", "3"]
    assert [refused.reason for refused in rejections(items)] == [Reason.TOO_LARGE]


def test_a_feed_is_no_export(tmp_path):
    feed = '<?xml version="1.0"?><rss version="2.0"><channel><title>x</title><item><title>a</title></item></channel></rss>'
    with pytest.raises(ExportError, match=r"x\.xml"):
        choose(export_of(write(tmp_path, feed, "x.xml")))
