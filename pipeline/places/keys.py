"""Keys under which spellings of one place name meet.

One implementation for the gazetteer, for posts and for the tables of users.  A key is made from the folded
words of a name, as `pipeline.text` gives them.  K0 keeps the letters and forgets spaces, hyphens, apostrophes
and the lone hamza.  K1, for Latin script, forgets the article and the choice of vowels within two classes.
K2 keeps the consonants only, and is the same from Arabic and from Latin script.

The classes were measured on 2,588 pairs of romanised Syrian village names (UN list against GeoNames): K0
brings 27 % of them together, K1 79 %, K1 or else K2 93 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Final

from msgspec import Struct

from pipeline.data import rows
from pipeline.text import TokenBatch, find_marks, normalize_batch, tokenize

HAMZA: Final = "\N{ARABIC LETTER HAMZA}"
ALEF: Final = "\N{ARABIC LETTER ALEF}"
LAM: Final = "\N{ARABIC LETTER LAM}"
ARTICLE: Final = ALEF + LAM
TEH_AS_HEH: Final = "\N{ARABIC LETTER HEH}"  # the folded form of teh marbuta
APOSTROPHES: Final = frozenset(
    "'`\N{MODIFIER LETTER TURNED COMMA}\N{MODIFIER LETTER APOSTROPHE}"
    "\N{MODIFIER LETTER LEFT HALF RING}\N{MODIFIER LETTER RIGHT HALF RING}"
)
_MIN_JOINED: Final = 5  # "Elnaqus": shorter words that begin with el- are words


class Spelling(Struct, frozen=True):
    """The table `romanization`, ready for look-up."""

    articles: dict[str, str]  # article -> the letter that must follow; "" for any
    heads: dict[str, str]
    translated: frozenset[str]  # of the heads, the English words
    modifiers: dict[str, str]
    modifier_words: frozenset[str]
    digraphs: tuple[tuple[str, str], ...]
    letters: dict[int, str]
    skeleton: dict[int, str]
    arabic_heads: dict[str, str]
    arabic_modifiers: dict[str, str]
    joined_heads: tuple[str, ...]
    short_heads: frozenset[str]  # of two letters


@cache
def spelling() -> Spelling:
    """The table, read once."""
    kinds: dict[str, dict[str, str]] = {}
    for row in rows("romanization"):
        kinds.setdefault(row["kind"], {})[row["form"]] = row["canonical"]
    return Spelling(
        articles=kinds["article"] | kinds["sun_article"],
        heads=kinds["head"] | kinds["translated"],
        translated=frozenset(kinds["translated"]),
        modifiers=kinds["modifier"],
        modifier_words=frozenset(kinds["modifier"].values()),
        digraphs=tuple(kinds["digraph"].items()),
        letters={ord(letter): canonical for letter, canonical in kinds["letter"].items()} | {ord(_MARK): ""},
        skeleton={ord(letter): canonical for letter, canonical in kinds["arabic_letter"].items()},
        arabic_heads=kinds["arabic_head"],
        arabic_modifiers=kinds["arabic_modifier"],
        joined_heads=tuple(kinds["joined_head"]),
        short_heads=frozenset(kinds["short_head"]),
    )


def is_arabic(word: str) -> bool:
    """Whether the word begins with a letter of the Arabic blocks."""
    return "\u0600" <= word[:1] <= "\u08ff"


def names_words(names: Sequence[str]) -> list[list[str]]:
    """The folded words of each name, as `pipeline.text` reads them in a post.

    >>> names_words(["Ma\u02bfarrat an-Nu'man", "Kafr Nabl (Idlib)"])
    [['maarrat', 'an', 'numan'], ['kafr', 'nabl', 'idlib']]
    """
    tokens = tokenize(normalize_batch(names), find_marks(names))
    return [token_words(tokens, tokens.bounds[n], tokens.bounds[n + 1]) for n in range(len(names))]


def token_words(tokens: TokenBatch, first: int, last: int) -> list[str]:
    """The words of tokens first .. last - 1; an apostrophe splits no word, other signs are left out."""
    words: list[str] = []
    join = False
    for at in range(first, last):
        surface = tokens.surfaces[at]
        if not surface[0].isalnum() or surface in APOSTROPHES:
            join = surface in APOSTROPHES and bool(words) and tokens.glued[at] == 1
            continue
        if join and tokens.glued[at]:
            words[-1] += surface
        else:
            words.append(surface)
        join = False
    return words


def k0(words: Iterable[str]) -> str:
    """Letters only.

    >>> k0(["كفر", "نبل"]) == k0(["كفرنبل"])
    True
    """
    key = "".join(words)
    return key.replace(HAMZA, "") or key


def is_article(word: str, following: str) -> bool:
    """Whether `word` is a written-out Arabic article before `following`: al, el; ash only before sh.

    >>> is_article("ash", "shughur"), is_article("ash", "trees")
    (True, False)
    """
    letter = spelling().articles.get(word)
    return letter is not None and bool(following) and following.startswith(letter)


def latin_words(words: Sequence[str]) -> list[str]:
    """Words without articles, heads in one spelling, modifiers last.

    >>> latin_words(["tell", "el", "wasit"]), latin_words(["big", "habbuba"])
    (['tal', 'wasit'], ['habbuba', 'kabira'])
    """
    table = spelling()
    kept = [
        word
        for at, word in enumerate(words)
        if not (at + 1 < len(words) and word in table.articles and is_article(word, words[at + 1]))
    ]
    if len(kept) == 1:
        return kept
    if kept[-1] in table.translated and kept[0] not in table.heads:
        kept = [kept[-1], *kept[:-1]]  # Sheikh Castle
    out = []
    for at, word in enumerate(kept):
        bare = _without_joined_article(word) if at else word
        out.append(table.heads.get(bare) or table.modifiers.get(bare, bare))
    moved = [word for word in out if word in table.modifier_words]
    if moved and len(moved) < len(out):
        out = [word for word in out if word not in table.modifier_words] + moved
    return out


def k1(words: Sequence[str]) -> str:
    """Romanisation key: vowels in two classes, doubled letters once.

    >>> k1(["tall", "al", "wasit"]) == k1(["tel", "waset"])
    True
    """
    return "".join(map(k1_word, latin_words(words)))


def spellings(words: Sequence[str]) -> list[list[str]]:
    """The ways to read a Latin name whose letters leave a doubt, itself first; other names have one way.

    rh is gh in French spellings and two letters in others; el- at the head of a word is the article or the
    word's own, as in Alraqqa; the e of -ane is mute in French spellings.  An apostrophe keeps letters from
    being joined.

    >>> spellings(["irhab"]), spellings(["tal", "elwan"]), spellings(["maarrine"])
    ([['irhab'], ["ir'hab"]], [['tal', 'elwan'], ['tal', "'elwan"]], [['maarrine'], ['maarrin']])
    """
    ways = [list(words)]
    if not words or is_arabic(words[0]):
        return ways
    for change in (_apart, _own_el, _first_article, _mute_e):
        for way in list(ways):
            changed = [change(word, at) for at, word in enumerate(way)]
            if changed != way:
                ways.append(changed)
    return ways


def _apart(word: str, _at: int) -> str:
    return word.replace("rh", f"r{_MARK}h")


def _own_el(word: str, at: int) -> str:
    return (
        _MARK + word if at and not word.startswith(_MARK) and _without_joined_article(word) != word else word
    )


def readings(words: Sequence[str]) -> list[list[str]]:
    """The ways to read a name that is looked for: `spellings`, and both ways to take an h at a word's end.

    Latin -ah may be a feminine ending or a letter of its own, which Arabic writes.

    >>> readings(["marah"]), readings(["مراح"])
    ([['marah'], ["marah'"]], [['مراح'], ['مرا']])
    """
    ways = spellings(words)
    change = _bare_h if words and is_arabic(words[0]) else _own_h
    return ways + [changed for way in ways if (changed := [change(word) for word in way]) != way]


def _own_h(word: str) -> str:
    return word + _MARK if len(word) > 3 and word.endswith("ah") else word


def _bare_h(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("\N{ARABIC LETTER HAH}") else word


def is_absolute(words: Sequence[str], at: int) -> bool:
    """Whether an Arabic word stands before no noun that belongs to it, so that its teh marbuta is no t."""
    following = words[at + 1 : at + 2]
    return not following or _without_article(following[0]) in spelling().arabic_modifiers


def _without_article(word: str) -> str:
    return word[2:] if word.startswith(ARTICLE) and len(word) > 3 else word


def _first_article(word: str, at: int) -> str:
    return _without_joined_article(word) if at == 0 and len(word) > _MIN_JOINED else word


def _mute_e(word: str, _at: int) -> str:
    return word[:-1] if _MUTE_E.search(word) else word


def k2(words: Sequence[str]) -> str:
    """Consonant skeleton, the same from Arabic and from Latin script.

    >>> k2(["khirbat", "al", "naqus"]), k2(["خربه", "الناقوس"])
    ('xrbtnks', 'xrbtnks')
    """
    if words and is_arabic(words[0]):
        return _single(
            "".join(_arabic_skeleton(word, at == 0, is_absolute(words, at)) for at, word in enumerate(words))
        )
    return _single("".join(map(k2_word, latin_words(words))))


@lru_cache(maxsize=1 << 16)
def k1_word(word: str) -> str:
    """K1 of one word without its article."""
    table = spelling()
    own_h = word.endswith(f"h{_MARK}")
    for letters, canonical in table.digraphs:
        word = word.replace(letters, canonical)
    word = word.translate(table.letters)
    out: list[str] = []
    at = 0
    while at < len(word):
        letter = word[at]
        if letter not in _VOWELS:
            if not out or out[-1] != letter:
                out.append(letter)
            at += 1
            continue
        end = at
        while end < len(word) and word[end] in _VOWELS:
            end += 1
        run = word[at:end]
        if at == 0 and run[0] in "wy" and len(run) > 1:
            out += [run[0], "U" if run[1] in _ROUND else "A"]
        elif at == 0 and run.startswith("ou") and len(run) > 2:
            out += ["w", "A"]
        else:
            out.append("U" if _ROUND.intersection(run) else "A")
        at = end
    key = "".join(out)
    return key if own_h else _FINAL_H.sub("", key)


@lru_cache(maxsize=1 << 16)
def k2_word(word: str) -> str:
    """K2 of one Latin word without its article."""
    key = k1_word(word)
    first = key[:1] if key[:1] in {"w", "y"} else ""
    return _single(first + key[len(first) :].replace("A", "").replace("U", ""))


_ROUND: Final = frozenset("uow")
_VOWELS: Final = frozenset("uowaeiy")
_MARK: Final = "'"
_MUTE_E: Final = re.compile("..[aiou]ne$")
_FINAL_H: Final = re.compile(r"(?<=[AU])h$")
_REPEATED: Final = re.compile(r"(.)\1+")


def _single(key: str) -> str:
    return _REPEATED.sub(r"\1", key)


def _without_joined_article(word: str) -> str:
    """naqus for Elnaqus, zor for Ezzor, as one UN list writes them."""
    if len(word) < _MIN_JOINED - word.startswith("el"):
        return word
    if word.startswith("el") or (word.startswith("al") and word[2] not in _VOWELS):
        return word[2:]
    if word[0] in "ae" and word[1] == word[2] and word[1] in "sdnrtz":
        return word[2:]
    return word


def _arabic_skeleton(word: str, is_first: bool, is_last: bool) -> str:
    table = spelling()
    word = _without_article(word)
    if word in table.arabic_heads and not is_last:
        return table.arabic_heads[word]
    if word in table.arabic_modifiers and not is_first:
        return table.arabic_modifiers[word]
    first = {"\N{ARABIC LETTER WAW}": "w", "\N{ARABIC LETTER YEH}": "y"}.get(word[:1], "")
    body = word[1:] if first else word
    ending = ""
    if body.endswith(TEH_AS_HEH) and len(body) > 2:
        body = body[:-1]
        ending = "" if is_last else "t"
    consonants = (table.skeleton.get(ord(letter), letter if letter.isascii() else "") for letter in body)
    return _single(first + "".join(consonants) + ending)
