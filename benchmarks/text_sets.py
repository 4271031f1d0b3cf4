"""Figures of text and language: speed on posts of 200 characters, the contract of folding, languages.

Speed is CPU seconds of this process, the best of several rounds.  The contract and the languages need
labelled data: the variable MARSAD_EVAL names a folder with `language/norm_edge.jsonl` and
`language/languages.jsonl`.
"""

from __future__ import annotations

import json
import os
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import posts as invent
from benchmarks.speed import Figure
from pipeline.language import detect, find_segments
from pipeline.text import TokenBatch, clean_batch, find_marks, normalize_batch, tokenize

CLASSES: Final = ("ar", "en", "fa", "ur", "ckb", "tr", "fr", "other")
LENGTH: Final = 200  # characters of a post
POSTS: Final = 10_000
BATCH: Final = 500
ROUNDS: Final = 5


def measure() -> list[Figure]:
    """All figures; those of labelled data only where there is some."""
    figures = [*_speed(), _digits()]
    folder = os.environ.get("MARSAD_EVAL")
    if folder:
        figures += _contract(Path(folder, "language", "norm_edge.jsonl"))
        figures += _languages(Path(folder, "language", "languages.jsonl"))
    return figures


def _speed() -> list[Figure]:
    running = " ".join(post.text for post in invent(POSTS * 2))
    texts = [running[first : first + LENGTH] for first in range(0, POSTS * LENGTH, LENGTH)]
    batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
    own = [post.text for post in invent(POSTS)]
    groups = [own[first : first + BATCH] for first in range(0, len(own), BATCH)]
    tokens = [_tokens(batch) for batch in groups]
    return [
        _rate(
            "text.key_and_map", lambda: list(map(normalize_batch, batches)), f"posts of {LENGTH} characters"
        ),
        _rate("text.clean", lambda: list(map(clean_batch, batches)), f"posts of {LENGTH} characters"),
        _rate(
            "text.marks", lambda: list(map(find_marks, groups)), "group posts: hashtags, links, phones, emoji"
        ),
        _rate("text.tokens", lambda: list(map(_tokens, groups)), "group posts: key, marks and tokens"),
        _rate("language.posts", lambda: list(map(detect, tokens)), "group posts that are tokenized"),
        _rate(
            "language.with_segments",
            lambda: [find_segments(one, detect(one)) for one in tokens],
            "the same, with segments",
        ),
    ]


def _rate(name: str, work: Callable[[], object], note: str) -> Figure:
    seconds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return Figure(name, POSTS / min(seconds), "posts/s", note)


def _tokens(texts: Sequence[str]) -> TokenBatch:
    return tokenize(normalize_batch(texts), find_marks(texts))


def _digits() -> Figure:
    digits = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Nd"]
    right = sum(
        folded == str(unicodedata.decimal(char))
        for char, folded in zip(digits, normalize_batch(digits).posts(), strict=True)
    )
    return Figure(
        "text.digits_right", right / len(digits), "share", f"{len(digits)} decimal digits of Unicode"
    )


def _contract(path: Path) -> list[Figure]:
    rows = _lines(path)
    raw = [row["input"] for row in rows]
    right = sum(
        row["search"] in {None, folded} and row["clean"] in {None, clean}
        for row, folded, clean in zip(rows, normalize_batch(raw).posts(), clean_batch(raw), strict=True)
    )
    return [Figure("text.contract_right", right / len(rows), "share", f"{len(rows)} rows of the contract")]


def _languages(path: Path) -> list[Figure]:
    rows = _lines(path)
    tags = [language.tag for language in detect(_tokens([row["text"] for row in rows]))]
    pairs = list(zip(rows, tags, strict=True))
    plain = [
        (_class(row["lang"]), _class(tag))
        for row, tag in pairs
        if row["kind"] not in {"mixed", "arabizi", "arabizi_mixed"}
    ]
    sorani = [tag for row, tag in pairs if row["lang"] == "ckb"]
    arabizi = [tag for row, tag in pairs if row["kind"] == "arabizi"]
    letterless = [tag for row, tag in pairs if row["kind"] == "und"]
    mixed = [tag for row, tag in pairs if row["kind"] == "mixed"]
    return [
        Figure("language.macro_f1", _macro_f1(plain), "", f"{len(plain)} rows, eight classes"),
        _share("language.sorani_as_neighbor", sorani, {"ar", "fa", "ur"}),
        _share("language.letterless_und", letterless, {"und"}),
        _share("language.arabizi_as_english", arabizi, {"en"}),
        _share("language.arabizi_labelled", arabizi, {"ar-Latn"}),
        _share("language.mixed_mul", mixed, {"mul"}),
    ]


def _class(tag: str) -> str:
    return tag if tag in CLASSES else "other"


def _macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    right = Counter(label for label, found in pairs if label == found)
    labels, found = Counter(label for label, _ in pairs), Counter(tag for _, tag in pairs)
    return sum(2 * right[one] / max(1, labels[one] + found[one]) for one in CLASSES) / len(CLASSES)


def _share(name: str, tags: Sequence[str], wanted: set[str]) -> Figure:
    return Figure(
        name, sum(tag in wanted for tag in tags) / max(1, len(tags)), "share", f"of {len(tags)} rows"
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
