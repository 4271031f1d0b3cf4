"""Adversarial posts by the thousand, and the laws that text and language keep on any of them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from pipeline.language import detect, find_segments
from pipeline.text import clean_batch, find_marks, normalize, normalize_batch, tokenize
from pipeline.text.fold import text_of

# Letters, marks and signs that meet in real posts, and some that never should.
POOL = np.array(
    [
        *map(
            ord,
            "ابتلهـىيئؤأإآةءگکیێەۆڕٹےﷺﻼﻷﹶﱠ\u064b\u0651\u0653\u0654\u0670\u06d6\u08f0"
            "aAàoOßẞıİŁέЙ'’-–…،٣۳½①ﬁ#_@.:/ \t\n\r\u00a0\u2028\u200b\u200c\u200d\u200f\u2068\u2069\ufeff\ufe0f\u20e3"
            "\u00ad\x00\x1c\ud800\udc00😀🏽🇸🇾👨カ\u3099\u0301+0123456789",
        )
    ],
    np.uint32,
)
SCRAPS = (
    "https://t.me/x_1?a=b",
    "@user_name",
    "#ريف_حماة",
    "+963 944 123 456",
    "2015-03-14",
    "the city is",
    "قصف على المدينة",
    "ئەمڕۆ باران دەبارێت",
    "7abibi shu",
    "👨\u200d👩\u200d👧",
)


def adversarial(seed: int, count: int) -> list[str]:
    """`count` posts of up to some 60 code points; the same for the same seed."""
    random_ = np.random.default_rng(seed)
    lengths = random_.integers(0, 33, count)
    total = int(lengths.sum())
    codes = POOL[random_.integers(0, POOL.size, total)]
    anything = random_.random(total) < 0.1
    codes[anything] = random_.integers(0, 0x110000, int(anything.sum()), dtype=np.uint32)
    repeated = np.flatnonzero(random_.random(total) < 0.35)
    codes[repeated[repeated > 0]] = codes[repeated[repeated > 0] - 1]  # runs, also across the posts' ends
    text = text_of(codes)
    bounds = np.concatenate(([0], np.cumsum(lengths))).tolist()
    posts = [text[start:end] for start, end in pairwise(bounds)]
    scraps = random_.integers(0, 4 * len(SCRAPS), count).tolist()
    return [post + SCRAPS[at] if at < len(SCRAPS) else post for post, at in zip(posts, scraps, strict=True)]


def check_text(posts: Sequence[str]) -> None:
    """Folding, cleaning, marks and tokens keep their promises on these posts."""
    batch = normalize_batch(posts)
    folded = batch.posts()
    starts, ends, origin = batch.starts.tolist(), batch.ends.tolist(), batch.origin.tolist()
    for post, text, start, end in zip(posts, folded, starts, ends, strict=True):
        slow = normalize(post)
        assert text == slow.text, ascii(post)
        assert tuple(origin[start : end + 1]) == slow.origin, ascii(post)
    assert normalize_batch(folded).posts() == folded, "twice is once"
    clean = clean_batch(posts)
    assert clean_batch(clean) == clean, "twice is once"
    # Up to composition: kana, Hangul and Indic letters keep the one that they were exported with.
    assert list(map(composed, normalize_batch(clean).posts())) == list(map(composed, folded))
    tokens = tokenize(batch, find_marks(posts))
    for post, (first, last) in enumerate(pairwise(tokens.bounds)):
        spans = [batch.span(tokens.starts[at], tokens.ends[at]) for at in range(first, last)]
        assert all(0 <= span.start < span.end <= len(posts[post]) for span in spans)
    for one in (read_text, clean_batch):
        same_in_any_batch(one, posts)


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def read_text(posts: Sequence[str]) -> list[tuple[object, ...]]:
    """All that text tells of each post, apart from the others."""
    batch, marks = normalize_batch(posts), find_marks(posts)
    tokens = tokenize(batch, marks)
    told = []
    for post, (first, last) in enumerate(pairwise(tokens.bounds)):
        cut = slice(first, last)
        fields = (tokens.surfaces, tokens.in_hashtag, tokens.glued, tokens.breaks, tokens.kinds)
        words = [tuple(field[cut]) for field in fields]
        spans = tuple(batch.span(tokens.starts[at], tokens.ends[at]) for at in range(first, last))
        told.append((*words, spans, *(getattr(marks, name)[post] for name in marks.__struct_fields__)))
    return told


def read_languages(posts: Sequence[str]) -> list[tuple[object, ...]]:
    """Language and segments of each post."""
    tokens = tokenize(normalize_batch(posts), find_marks(posts))
    languages = detect(tokens)
    segments = find_segments(tokens, languages)
    for post, language, found in zip(posts, languages, segments, strict=True):
        assert not found or language.tag == "mul"
        assert all(0 <= one.span.start < one.span.end <= len(post) for one in found)
        assert all(one.span.end <= two.span.start for one, two in pairwise(found))
    return list(zip(languages, segments, strict=True))


def same_in_any_batch(read: Callable[[Sequence[str]], Sequence[object]], posts: Sequence[str]) -> None:
    """A post's answer depends on no neighbor, no batch size and no order."""
    whole = list(read(posts))
    small = [one for first in range(0, len(posts), 7) for one in read(posts[first : first + 7])]
    assert small == whole, "batch size"
    order = list(range(len(posts)))
    random.Random(1).shuffle(order)
    shuffled = read([posts[at] for at in order])
    assert [shuffled[place] for place in np.argsort(order)] == whole, "order"
