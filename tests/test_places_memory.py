"""What the places stage remembers of words, names and sets of names changes no answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.places import candidates, facilities, find_places, name_score, resolve, score
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.recognize import Found, Recognizer, recognizer
from pipeline.text import TokenBatch, find_marks, normalize_batch, tokenize

GOLD = Path(__file__).parent.parent / "samples" / "gold.jsonl"
EDGES = [
    "قصف على حلب",
    "حلب",
    "| حلب |",  # a sign that stands for the edge of a line in the table of neighbors
    "حلب: قصف",
    "قرية حلب: قصف",
    "وحلب وحماة وإدلب",
    "أبو علي حلب",
    "قصف على كفر نبل وكفرنبل",
    "بدأ ء حلب",
    "Ma'arrat al-Numan and Ra's al-Ayn",
    "#حلب_تحت_القصف #Aleppo",
    "",
]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    lines = GOLD.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines[:250]] + EDGES


@pytest.fixture(scope="module")
def gazetteer(toolkit) -> Gazetteer:
    return toolkit.gazetteer


def tokens_of(texts: list[str]) -> TokenBatch:
    return tokenize(normalize_batch(texts), find_marks(texts))


def told(found: list[Found]) -> list[tuple[object, ...]]:
    return [
        (one.first, one.last, one.strip, one.tier, one.score, one.cues, one.evidence, one.name.key)
        for one in found
    ]


def test_small_memories_give_the_same_answers(
    texts: list[str], gazetteer: Gazetteer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = tokens_of(texts)
    first = find_places(tokens, gazetteer, ("SY",))
    assert find_places(tokens, gazetteer, ("SY",)) == first  # all of it is remembered by now
    for module, name in (
        (candidates, "MAX_CACHED"),
        (name_score, "MAX_CACHED"),
        (score, "MAX_SIDES"),
        (facilities, "MOST_HEADS"),
        (resolve, "MOST_SEEN"),
        (resolve, "MOST_SETS"),
    ):
        monkeypatch.setattr(module, name, 3)
    recognizer.cache_clear()
    one_by_one = [find_places(tokens_of([text]), gazetteer, ("SY",))[0] for text in reversed(texts)]
    assert one_by_one[::-1] == first


def test_only_hopeless_names_are_left_out(texts: list[str], gazetteer: Gazetteer) -> None:
    judge = Recognizer(gazetteer, ("SY",))
    tokens = tokens_of(texts)
    options = judge.options(tokens)
    kept = dropped = 0
    for post in range(len(texts)):
        starts = [at for at in range(tokens.bounds[post], tokens.bounds[post + 1]) if options[at]]
        every = judge.candidates(tokens, post, starts, options, keep_all=True)
        hopeful = [one for one in every if not is_hopeless(judge, tokens, post, one)]
        assert told(judge.candidates(tokens, post, starts, options)) == told(hopeful)
        kept, dropped = kept + len(hopeful), dropped + len(every) - len(hopeful)
    assert kept > dropped / 10 > 0


def is_hopeless(judge: Recognizer, tokens: TokenBatch, post: int, one: Found) -> bool:
    clitic = "w" if "clitic_w" in one.evidence else ""  # the only one that it asks for
    return judge.judge.is_hopeless(tokens, post, one.first, one.last, clitic, one.name)


def test_the_parts_of_a_score_sum_up_to_it(texts: list[str], gazetteer: Gazetteer) -> None:
    judge = Recognizer(gazetteer, ("SY",))
    tokens = tokens_of(texts)
    options = judge.options(tokens)
    checked = 0
    for post in range(len(texts)):
        for at in range(tokens.bounds[post], tokens.bounds[post + 1]):
            ways = options[at]
            for match in judge.matcher.matches(tokens, post, at, ways) if ways is not None else ():
                found = [
                    one
                    for one in judge.candidates(tokens, post, [at], options, keep_all=True)
                    if (one.first, one.last, one.name) == (match.start, match.end, match.name)
                ]
                parts = judge.judge.sum(match.name, judge.context(match, tokens, post))
                assert [one.score for one in found] == [pytest.approx(parts, abs=1e-9)]
                checked += 1
    assert checked > 100


def test_an_entry_is_the_names_and_the_words_that_follow(gazetteer: Gazetteer) -> None:
    for key in ("حلب", "كفر", "aleppo", "new", "", "noplacehasthisname"):
        assert gazetteer.entry(key) == (gazetteer.names(key), gazetteer.more(key))
    assert gazetteer.entry("حلب")[0]
    assert gazetteer.entry("كفر")[1]
    assert gazetteer.entry("noplacehasthisname") == ((), 0)
