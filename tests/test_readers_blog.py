"""Blog pages saved as text: heads with the date above or below, and words that only look like heads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from reader_builders import items_of, nonposts, posts, rejections, source_bytes

from pipeline.errors import ExportError

ARTICLE = (
    "Barrels over Aleppo\n\nPosted on January 2nd, 2016 by editor\n\nTwo explosions near the bakery.\n\n"
)
RESPONSES = "3 Responses to “Barrels over Aleppo”\n\n"


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str, reader: str = "blog_text", **settings):
        path = tmp_path / "page.txt"
        path.write_text(text, encoding="utf-8")
        return items_of(path, reader, **settings)

    return reading


def told(items) -> list[tuple[str | None, str, str]]:
    """Name, local time and text of the comments."""
    return [
        (post.author_name, "" if post.posted_local is None else f"{post.posted_local:%d %H:%M}", post.text)
        for post in posts(items)
        if post.kind == "comment"
    ]


def test_page(read):
    items = read(
        ARTICLE + RESPONSES + "Tara said:\nJanuary 3rd, 2016, 8:07 pm\n\nYes.\n\nNo.\n",
        "auto",
        zone="Asia/Damascus",
    )
    article, comment = posts(items)
    assert (article.kind, article.author_name, article.time_precision) == ("article", "editor", "day")
    assert article.text == "Barrels over Aleppo\n\n\nTwo explosions near the bakery."
    assert article.extra == {"title": "Barrels over Aleppo"}
    assert (comment.kind, comment.text, comment.reply_to) == ("comment", "Yes.\n\nNo.", article.post_id)
    assert comment.posted_at == datetime(2016, 1, 3, 18, 7, tzinfo=UTC)
    assert [item.origin.locator for item in items] == ["lines 1-5", "line 7", "lines 9-14"]
    assert len(nonposts(items)) == 1


D3, D4, D5 = "January 3rd, 2016, 8:07 pm", "January 4th, 2016, 12:01 am", "January 5th, 2016, 9:00 am"

PAGES = {
    "below": (
        f"A said:\n{D3}\n\none\n\nB says:\n{D4}\n\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "above": (
        f"{D3}\nA said:\n\none\n\n{D4}\nB says:\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "blank lines between": (
        f"A said:\n\n{D3}\n\none\n\nB said:\n\n\n{D4}\n\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "below, one above": (
        f"A said:\n{D3}\none\n\n{D4}\nB said:\ntwo\n\nC said:\n{D5}\nthree\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two"), ("C", "05 09:00", "three")],
    ),
    "no comment, below": (
        f"A said:\n{D3}\n\nB said:\n{D4}\n\ntwo\n",
        [("A", "03 20:07", ""), ("B", "04 00:01", "two")],
    ),
    "no comment, above": (
        f"{D3}\nA said:\n\n{D4}\nB said:\n\ntwo\n",
        [("A", "03 20:07", ""), ("B", "04 00:01", "two")],
    ),
    "no comment, above, then below": (
        f"A said:\n{D3}\none\n\n{D4}\nB said:\n\nC said:\n{D5}\nthree\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", ""), ("C", "05 09:00", "three")],
    ),
    "no comment at the end": (
        f"A said:\n{D3}\none\n\nB said:\n{D4}\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "")],
    ),
    "a head without a date before the next head": (
        f"A said:\n{D3}\none\n\nB said:\n\nC said:\n{D5}\nthree\n",
        [("A", "03 20:07", "one"), ("B", "", ""), ("C", "05 09:00", "three")],
    ),
    "quotation with a head's words": (
        f"A said:\n{D3}\none\nAbu Omar said:\n“the helicopter”\n\nB said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "one\nAbu Omar said:\n“the helicopter”"), ("B", "04 00:01", "two")],
    ),
    "quotation as its own paragraph": (
        f"A said:\n{D3}\none\n\nAbu Omar said:\n\n“the helicopter”\n\nB said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "one\n\nAbu Omar said:\n\n“the helicopter”"), ("B", "04 00:01", "two")],
    ),
    "said: inside a line": (
        f"A said:\n{D3}\nMy father said: run\n8:07 pm\nhe said it on {D4}\n",
        [("A", "03 20:07", f"My father said: run\n8:07 pm\nhe said it on {D4}")],
    ),
    "a date alone in the text": (
        f"A said:\n{D3}\n\nIt happened on\n\nJanuary 1st, 2016\n\nas I said\n\nB said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "It happened on\n\nJanuary 1st, 2016\n\nas I said"), ("B", "04 00:01", "two")],
    ),
    "Arabic": (
        "أبو محمد يقول:\n3 يناير 2016 الساعة 8:07 م\n\nنعم\n\nقال أبو عمر:\n٤ كانون الثاني ٢٠١٦، ١٢:٠١ ص\n\nلا\n",
        [("أبو محمد", "03 20:07", "نعم"), ("أبو عمر", "04 00:01", "لا")],
    ),
    "other dates": (
        "A said:\nJanuary 3, 2016 at 8:07 pm\none\n\nB said:\n4 January 2016 at 00:01\ntwo\n\n"
        "C said:\nMonday, January 5th, 2016 at 09:00 | Permalink\nthree\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two"), ("C", "05 09:00", "three")],
    ),
    "date inside the head": (
        "A on January 3, 2016 at 8:07 pm said:\none\n\nB on January 4, 2016 at 12:01 am said:\n\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "numbered": (
        f"1. A said:\n{D3}\none\n\n2. B said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "dates close the comments": (
        f"A said:\n\none\n\n{D3}\n\nB said:\n\ntwo\n\n{D4}\n\nC said:\nthree\n{D5}\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two"), ("C", "05 09:00", "three")],
    ),
    "buttons": (
        f"A said:\n{D3}\n\none\n\nReply\n\nB said:\n{D4}\n\ntwo Reply\nReply ↓\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two Reply")],
    ),
    "footer": (
        f"A said:\n{D3}\none\n\nLeave a Reply\n\nYour email address will not be published.\n",
        [("A", "03 20:07", "one")],
    ),
    "footer's words in a comment": (
        f"A said:\n{D3}\nLeave a reply and tell us\n\nB said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "Leave a reply and tell us"), ("B", "04 00:01", "two")],
    ),
    "numbers without a point": (
        f"11 A said:\n{D3}\none\n\n12 5 dwarfs said:\n{D4}\ntwo\n\n13 C said:\n{D5}\nthree\n",
        [("A", "03 20:07", "one"), ("5 dwarfs", "04 00:01", "two"), ("C", "05 09:00", "three")],
    ),
    "a name that begins with a number": (
        f"A said:\n{D3}\none\n\n5 dwarfs said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "one"), ("5 dwarfs", "04 00:01", "two")],
    ),
    "numbers in lines of their own": (
        f"1\nA said:\n{D3}\none\n\n#2\nB said:\n{D4}\n2\n3.\nC said:\n{D5}\nthree\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "2"), ("C", "05 09:00", "three")],
    ),
    "a number alone as a comment": (
        f"A said:\n{D3}\n\n3\n\nB said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "3"), ("B", "04 00:01", "two")],
    ),
    "numbered, one without a date": (
        f"1. A said:\n{D3}\none\n\n2. B said:\n\ntwo\n\n3. C said:\n{D5}\nthree\n",
        [("A", "03 20:07", "one"), ("B", "", "two"), ("C", "05 09:00", "three")],
    ),
    "numbered, with a quotation": (
        f"1. A said:\n\none\n\n{D3}\n\n2. B said:\n\n1. A said:\n\none\n\nno\n\n{D4}\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "1. A said:\n\none\n\nno")],
    ),
    "quotation with head and date": (
        f"A said:\n{D3}\none\n\nB said:\n{D4}\ntwo\n\nC said:\n{D5}\n\nA said:\n{D3}\none\n\nno\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two"), ("C", "05 09:00", f"A said:\n{D3}\none\n\nno")],
    ),
    "dates close the comments, quotations do not": (
        f"A said:\n\none\n\n{D3}\n\nB said:\n\nA said:\n\none\n\nno\n\n{D4}\n\nC said:\n\n{D5}\n\nTags: x\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "A said:\n\none\n\nno"), ("C", "05 09:00", "")],
    ),
    "the verb in a line of its own": (
        f"A\nsays:\n{D3}\none\nReply\nB\nsays:\n{D4}\ntwo\nReply\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "votes and other buttons": (
        f"A said:\n\none\n\nThumb up 3 Thumb down 0\n\n{D3}\n\nB said:\n\nLike\nit\n\nThumb up 0 Thumb down 2\n\n{D4}\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "Like\nit")],
    ),
    "indented": (
        f"  A\xa0said:\n  {D3}\n  one\n    deep\n  B said:\n  {D4}\n  two\n",
        [("A", "03 20:07", "one\n  deep"), ("B", "04 00:01", "two")],
    ),
    "buttons, then the page": (
        f"A said:\n{D3}\none\nReply\nB said:\n{D4}\ntwo\nReply\nC said:\n{D5}\nthree\nReply\nAbout us\nPress\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two"), ("C", "05 09:00", "three")],
    ),
    "footer without a blank line": (
        f"A said:\n{D3}\none\nLeave a Reply\nName (required)\nArchives\nJanuary 2016\n",
        [("A", "03 20:07", "one")],
    ),
    "same words twice": (
        f"A said:\n{D3}\nyes\n\nA said:\n{D3}\nyes\n",
        [("A", "03 20:07", "yes"), ("A", "03 20:07", "yes")],
    ),
}


COUNTED = {
    "no dates": ("A said:\n\none\n\nB said:\n\ntwo\n", [("A", "", "one"), ("B", "", "two")]),
    "no dates, numbered": (
        "1. A said:\n\none\n\nthe man said:\n\nyes\n\n2. B said:\n\ntwo\n",
        [("A", "", "one\n\nthe man said:\n\nyes"), ("B", "", "two")],
    ),
    "no dates, pronouns": ("A said:\n\none\n\nHe said:\n\ntwo\n", [("A", "", "one\n\nHe said:\n\ntwo")]),
    "date closes, name behind": (
        "one\n\nComment by A — January 3, 2016 @ 8:07 pm\n\ntwo\n\nmore\n\nComment by B — January 4, 2016 @ 12:01 am\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two\n\nmore")],
    ),
    "name and date only": (
        f"A {D3} - Reply\none\nB | {D4}\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "name above the date": (
        f"A\n{D3}\none\nReply\nB\n{D4}\ntwo\nReply\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
    "links from other pages": (
        f"Pingback: Links of the day\nA said:\n{D3}\none\nReply\nTrackback: Other\nB said:\n{D4}\ntwo\n",
        [("A", "03 20:07", "one"), ("B", "04 00:01", "two")],
    ),
}


@pytest.mark.parametrize("case", COUNTED)
def test_pages_that_count_their_comments(read, case):
    text, expected = COUNTED[case]
    items = read(ARTICLE + RESPONSES + text, "auto", zone="Asia/Damascus")
    assert told(items) == expected
    assert not rejections(items)
    assert all(
        post.time_precision == ("unknown" if post.posted_local is None else "minute")
        for post in posts(items)[1:]
    )


def test_an_article_that_quotes_is_one_post(read):
    article = ARTICLE + "Omar said:\nJanuary 1st, 2016, 9:00 am\n\n“no”\n\n"
    items = read(article + RESPONSES + f"A said:\n{D3}\none\n")
    assert [post.kind for post in posts(items)] == ["article", "comment"]


@pytest.mark.parametrize("case", [*PAGES, *COUNTED])
def test_every_line_is_in_one_item(read, case):
    text = ARTICLE + RESPONSES + (PAGES | COUNTED)[case][0]
    seen: list[int] = []
    for item in read(text):
        first, _, last = item.origin.locator.partition(" ")[2].partition("-")
        seen.extend(range(int(first), int(last or first) + 1))
    assert len(seen) == len(set(seen))
    assert {number for number, line in enumerate(text.split("\n"), 1) if line.strip()} <= set(seen)


@pytest.mark.parametrize("case", PAGES)
@pytest.mark.parametrize("before", ["", ARTICLE, ARTICLE + RESPONSES])
def test_pages(read, case, before):
    text, expected = PAGES[case]
    items = read(before + text, zone="Asia/Damascus")
    assert told(items) == expected
    assert sum(post.kind == "article" for post in posts(items)) == bool(before)
    assert not rejections(items)
    assert len({post.post_id for post in posts(items)}) == len(posts(items))


def test_a_head_without_a_date_keeps_its_time_open(read):
    items = read(f"A said:\n{D3}\none\n\nB said:\n\nC said:\n{D5}\nthree\n")
    undated = posts(items)[1]
    assert (undated.posted_at, undated.posted_local, undated.time_precision) == (None, None, "unknown")


def test_an_article_alone(read):
    (post,) = posts(read(ARTICLE))
    assert (post.kind, str(post.posted_local.date())) == ("article", "2016-01-02")


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "hello\nworld\n", "He said:\nnothing at all\n", "January 3rd, 2016\n" * 0 + "A said: b\n"],
)
def test_pages_that_are_none(read, text):
    with pytest.raises(ExportError, match=r"page\.txt"):
        read(text)


def test_an_article_without_a_date_has_no_made_up_one(read):
    article = posts(read(f"Title\n\nWords.\n\nA said:\n{D3}\none\n"))[0]
    assert (article.kind, article.posted_local, article.zone_source) == ("article", None, "unknown")


def test_locators(tmp_path):
    path = tmp_path / "page.txt"
    path.write_bytes(f"{D3}\r\nA said:\r\n\r\none\r\n\r\n{D4}\r\nB said:\r\ntwo".encode())
    first, second = items_of(path)
    assert source_bytes(path, first) == f"{D3}\r\nA said:\r\n\r\none\r\n".encode()
    assert source_bytes(path, second) == f"{D4}\r\nB said:\r\ntwo".encode()
