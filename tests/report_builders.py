"""Datasets for the tests of the report: texts of the samples, and texts that would like to do harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace
from storage_builders import publish

from pipeline.annotate import Toolkit, annotate, text_post
from pipeline.records import AnnotatedPost
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import Loaded, load

FIRST = datetime(2015, 7, 1, 9, tzinfo=UTC)

HOSTILE = (
    "<script>document.title = 'taken'; window.taken = 1</script><img src=x onerror='window.taken = 2'> قصف على حلب",
    "قصف على حلب \"quoted\" 'twice' & </script> <!-- </bdi></p></li> {{policy}} ${1} \\u003c",
    "أمس \u202e gnp.exe \u202d في إدلب \u2066 open \u2067 for ever",
    "👩‍👩‍👧‍👦🇸🇾 قصف على إدلب 👍🏽 أمس",
    'javascript:alert(1) =HYPERLINK("http://x.example") Homs \x00\x07\x1b[31m\u2028\u2029 yesterday',
    "=cmd|' /C calc'!A0 Homs",
)


def gold(root: Path, count: int) -> list[str]:
    """Texts of the samples."""
    lines = (root / "samples" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines[:count]]


def dataset(folder: Path, texts: dict[str, Sequence[str | None]], toolkit: Toolkit) -> Loaded:
    """Publish the texts of each source, a post every seven hours; each third source has unknown times."""
    with Dataset(folder).writer("test") as writer:
        for number, (source, own) in enumerate(texts.items()):
            publish(writer, [_posts(source, number, own, toolkit)], source=source)
    return load(folder)


def _posts(source: str, number: int, texts: Sequence[str | None], toolkit: Toolkit) -> list[AnnotatedPost]:
    posts = []
    for at, text in enumerate(texts):
        time = None if number % 3 == 2 else FIRST + timedelta(days=40 * number, hours=7 * at)
        post = text_post(at, text or "", time, "Asia/Damascus")
        posts.append(replace(post, source=source, post_id=f"test:{source}:{at}", platform="test"))
    return annotate(posts, toolkit)
