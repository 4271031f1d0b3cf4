"""Posts as groups write them, invented from tables and a seed.

Sentences come from `phrases.tsv` and from the texts of `samples/gold.jsonl`.  Places, dates, numbers,
names and words are drawn into their slots; some words are built from Arabic word forms, so that the
vocabulary stays open as in real groups.  The same seed gives the same posts.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.annotate import text_post
from pipeline.records import Post

SEED = 20160217
SHARES = {"ar": 0.70, "en": 0.15, "mixed": 0.12, "other": 0.03}
EVENTS = 0.4  # share of the sentences that name a place, a date or a hashtag; the others are talk
MEDIAN_LENGTH, SPREAD, LONGEST = 118, 0.85, 1200  # code points; log-normal, so that the mean is near 160

Phrases = Mapping[tuple[str, str], list[str]]  # texts by kind and language

_HERE = Path(__file__).parent
_FIRST = datetime(2012, 1, 1, tzinfo=UTC)
_ROOTS = "بتثجحخدذرزسشصضطظعغفقكلمنهوي"
_MARKS = "\N{ARABIC FATHA}\N{ARABIC DAMMA}\N{ARABIC KASRA}\N{ARABIC SHADDA}"
_ALEF = "\N{ARABIC LETTER ALEF}"
_CARELESS = str.maketrans(
    {
        "\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER ALEF WITH HAMZA ABOVE}": _ALEF,
        "\N{ARABIC LETTER ALEF WITH HAMZA BELOW}": _ALEF,
    }
)
_EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def posts(count: int, seed: int = SEED) -> list[Post]:
    """`count` invented posts with times between 2012 and 2021, in Damascus."""
    chance = random.Random(seed)
    return [
        text_post(
            number, text, _FIRST + timedelta(minutes=chance.randrange(10 * 365 * 1440)), "Asia/Damascus"
        )
        for number, text in enumerate(texts(count, seed))
    ]


def texts(count: int, seed: int = SEED) -> list[str]:
    """The texts of `count` invented posts.

    >>> texts(3) == texts(3), texts(3) == texts(3, seed=1)
    (True, False)
    """
    chance = random.Random(seed)
    phrases = _phrases()
    languages = chance.choices(list(SHARES), list(SHARES.values()), k=count)
    return [_text(language, phrases, chance) for language in languages]


def _text(language: str, phrases: Phrases, chance: random.Random) -> str:
    wanted = min(chance.lognormvariate(0, SPREAD) * MEDIAN_LENGTH, LONGEST)
    written = _filled(language, phrases, chance)
    while len(written) < wanted * 0.8:
        joint = chance.choice((" ", " ", "\n", ". ", "، ", "\n\n", " ... "))
        written += joint + _filled(language, phrases, chance)
    return _as_people_type(written, chance)


def _filled(language: str, phrases: Phrases, chance: random.Random) -> str:
    kind = "event" if chance.random() < EVENTS and ("event", language) in phrases else "talk"
    sentence = chance.choice(phrases[kind, language])
    for _ in range(20):  # slots may bring slots
        before, opened, rest = sentence.partition("{")
        if not opened:
            return sentence
        slot, _, after = rest.partition("}")
        sentence = before + _slot(slot, "en" if language == "en" else "ar", phrases, chance) + after
    return sentence


def _slot(slot: str, language: str, phrases: Phrases, chance: random.Random) -> str:
    match slot:
        case "number":
            return str(chance.choice((2, 3, 5, 7, 12, 25, 45, 120, 850, 3000)))
        case "day":
            return str(chance.randrange(1, 29))
        case "month":
            return str(chance.randrange(1, 13))
        case "year":
            return str(chance.randrange(2010, 2022))
        case "link":
            return f"https://t.me/channel{chance.randrange(999)}/{chance.randrange(99999)}"
        case "handle":
            return f"@user_{chance.randrange(9999)}"
        case "word" if language == "ar":
            return chance.choice(phrases["pattern", "ar"]).format(*chance.sample(_ROOTS, 3))
        case _:
            return chance.choice(phrases[slot, language])


def _as_people_type(text: str, chance: random.Random) -> str:
    """Now and then with Eastern digits, vowel marks, stretched letters, emoji or careless endings."""
    draw = chance.random()
    if draw < 0.12:
        return text.translate(_EASTERN)
    if draw < 0.16:
        return "".join(letter + _mark(letter, chance) for letter in text)
    if draw < 0.20:
        return text.replace(_ALEF, _ALEF + 3 * "\N{ARABIC TATWEEL}", 2)
    if draw < 0.30:
        return text.translate(_CARELESS)
    if draw < 0.38:
        return text + chance.choice((" 🙏", " ❤️", " 😢😢", " !!!", " 🔴"))
    return text


def _mark(letter: str, chance: random.Random) -> str:
    return chance.choice(_MARKS) if letter in _ROOTS and chance.random() < 0.3 else ""


def _phrases() -> Phrases:
    """Rows of `phrases.tsv` by kind and language, and the texts of the labelled samples as sentences."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    lines = (_HERE / "phrases.tsv").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith(("#", "kind\t")):
            continue
        kind, language, text, _ = line.split("\t")
        found[kind, language].append(text)
    for row in _samples():
        language = row["lang"] if row["lang"] in ("ar", "en") else "mixed"
        kind = "event" if row["places"] or row["dates"] else "talk"
        found[kind, language].append(row["text"].replace("{", "(").replace("}", ")"))
    return dict(found)


def _samples() -> Iterable[Mapping[str, Any]]:
    path = _HERE.parent / "samples" / "gold.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
