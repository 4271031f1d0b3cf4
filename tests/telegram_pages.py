"""Pages as Telegram Desktop's own exporter writes them (export_output_html.cpp), for the tests of their reader."""

from __future__ import annotations

from html import escape
from typing import Any


def serialized(text: str) -> str:
    return escape(text).replace("&#x27;", "&apos;").replace("\n", "<br>")


def tag(opening: str, depth: int, inner: str) -> str:
    """A block tag, indented by its depth as the exporter does."""
    name = opening.split(" ", 1)[0]
    return f"\n{' ' * depth}<{opening}>\n{inner}\n{' ' * depth}</{name}>\n"


def page(body: str, name: str = "أخبار الحي", *, before: str | None = None, behind: str | None = None) -> str:
    links = [
        tag(f'a class="pagination block_link" href="{href}"', 4, f"{word} messages")
        for href, word in ((before, "Previous"), (behind, "Next"))
        if href
    ]
    first = links.pop(0) if before else ""
    return (
        '<!DOCTYPE html>\n<html>\n\n <head>\n\n  <meta charset="utf-8"/>\n<title>Exported Data</title>\n\n </head>\n\n'
        ' <body onload="CheckLocation();">\n\n  <div class="page_wrap">\n'
        + tag(
            'div class="page_header"',
            3,
            tag('div class="content"', 4, tag('div class="text bold"', 5, serialized(name))),
        )
        + '\n   <div class="page_body chat_page">\n\n    <div class="history">\n'
        + first
        + body
        + "".join(links)
        + "\n    </div>\n\n   </div>\n\n  </div>\n\n </body>\n\n</html>\n"
    )


def divider(number: int, day: str) -> str:
    return tag(
        f'div class="message service" id="message{number}"', 5, tag('div class="body details"', 6, day)
    )


def post(number: int, text: str | None = "قصف على الحي", **more: Any) -> str:
    """A message.  `author` None: joined to the one before; `forward`: name and date; `markup`: text as HTML."""
    author = more.get("author", "أبو محمد")
    title = more.get("title", "15.07.2024 13:00:00 UTC+02:00")
    inner = tag(f'div class="pull_right date details" title="{title}"', 7, title[11:16])
    if author is not None:
        inner += tag('div class="from_name"', 7, serialized(author))
    content = ""
    if "reply" in more:
        shown = f'In reply to <a href="{more["reply"]}" onclick="return GoToMessage(1)">this message</a>'
        content += tag(
            'div class="reply_to details"',
            7,
            shown if more["reply"] else "In reply to a message in another chat",
        )
    content += more.get("media", "")
    markup = more.get("markup") or (None if text is None else serialized(text))
    if markup is not None:
        content += tag('div class="text"', 7, markup)
    if "signature" in more:
        content += tag('div class="signature details"', 7, serialized(more["signature"]))
    content += more.get("reactions", "")
    if "forward" in more:
        head = ""
        if more["forward"]:
            name, date = more["forward"]
            head = tag(
                'div class="from_name"', 8,
                f'{serialized(name)}<span class="date details" title="{date}"> {date[:19]}</span>',
            )  # fmt: skip
        content = tag('div class="forwarded body"', 7, head + content)
    joined = " joined" if author is None else ""
    return tag(
        f'div class="message default clearfix{joined}" id="message{number}"',
        5,
        tag('div class="body"', 6, inner + content),
    )


def media(classes: str, href: str = "", **parts: str) -> str:
    body = "".join(
        tag(f'div class="{part.replace("title", "title bold")}"', 9, serialized(words))
        for part, words in parts.items()
    )
    opening = (
        f'a class="media clearfix pull_left block_link {classes}" href="{href}"'
        if href
        else f'div class="media clearfix pull_left {classes}"'
    )
    return tag('div class="media_wrap clearfix"', 7, tag(opening, 8, tag('div class="body"', 9, body)))
