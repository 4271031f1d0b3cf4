"""What is remembered of runs of date words is what reading them where they stand gives."""

from __future__ import annotations

from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import texts
from pipeline.dates.grammar import grammar, next_match
from pipeline.dates.items import read_items
from pipeline.dates.lexicon import UNKNOWN, lexicon
from pipeline.dates.recognize import _stretches
from pipeline.dates.runs import may_match, read_run
from pipeline.text import find_marks, normalize_batch, tokenize

WORDS = [
    *(
        "يوم",
        "الجمعة",
        "وبعد",
        "غد",
        "منذ",
        "ثلاثة",
        "أيام",
        "من",
        "شهر",
        "آذار",
        "الماضي",
        "ولل",
        "بالأمس",
        "والأحد",
    ),
    *(
        "two",
        "thousand",
        "and",
        "fifteen",
        "last",
        "Friday",
        "twenty",
        "-",
        "first",
        "of",
        "May",
        "3",
        "2014",
        "/",
        ".",
    ),
]


def runs_of(posts: list[str]):
    tokens = tokenize(normalize_batch(posts), find_marks(posts))
    levels = "".join(map(lexicon().levels.get, tokens.surfaces, repeat(UNKNOWN)))
    return tokens, list(_stretches(levels, tokens, "precise"))


def check(posts: list[str]) -> int:
    tokens, runs = runs_of(posts)
    for _, first, last in runs:
        read = read_run(tokens, first, last, ())
        assert read.items == read_items(tokens, first, last, lexicon())
        assert read.letters == "".join(grammar().letters[item.kind] for item in read.items)
        if not may_match(tokens, first, last, (), False):
            assert next_match(read.letters, 0) is None
    return len(runs)


def test_in_group_posts():
    assert check(texts(400)) > 300


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=4)
)
def test_in_any_words(posts):
    check([*posts, *reversed(posts)])  # from memory, at another place


@pytest.mark.parametrize(("text", "hopeful"), [("في", 0), ("day", 0), ("يوم الجمعة", 1), ("5 March 2014", 1)])
def test_a_run_without_a_rule_is_not_read(text, hopeful):
    tokens, runs = runs_of([text])
    assert sum(may_match(tokens, first, last, (), False) for _, first, last in runs) == hopeful
