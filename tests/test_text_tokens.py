"""Tokens: examples, and a slow reference that any batch must equal."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text import OPAQUE, TokenBatch, find_marks, normalize_batch, tokenize
from pipeline.text.fold import ARABIC_BLOCKS, CODE_POINTS, LATIN_BLOCKS, folding, inside

SCRAPS = st.sampled_from(
    [
        "حلب",
        "ـــ",
        "\u064b",
        "ab",
        "É",
        "12",
        "٣",
        "'",
        "#",
        "_",
        "@abc",
        "https://t.me/x_y",
        "\n",
        "\r\n",
        " ",
        "\u200c",
        "😀",
        "漢",
        "\ud800",
        ".",
        "ﷺ",
    ]
)
posts = st.lists(SCRAPS | st.text(max_size=3), max_size=10).map("".join)
LINE_BREAKS = "\n\v\f\r\x85\u2028\u2029"


def read(texts: list[str]) -> TokenBatch:
    return tokenize(normalize_batch(texts), find_marks(texts))


def surfaces(text: str) -> list[str]:
    return read([text]).surfaces


def test_runs_of_one_class() -> None:
    assert surfaces("ma'arrat ك2 3rd ١٥/٣") == ["ma", "'", "arrat", "ك", "2", "3", "rd", "15", "/", "3"]


def test_scripts_part() -> None:
    assert surfaces("حلبAleppoХалеб") == ["حلب", "aleppo", "халеб"]


def test_signs_stand_alone() -> None:
    assert surfaces("!!! 👍🏽…") == ["!", "!", "!", "👍", "🏽", "."]


def test_links_and_handles_are_opaque() -> None:
    text = "انظر https://t.me/a_b#c. و @abc_d"
    tokens = read([text])
    assert tokens.surfaces == ["انظر", OPAQUE, ".", "و", OPAQUE]
    spans = [tokens.normalized.span(*edge) for edge in zip(tokens.starts, tokens.ends, strict=True)]
    assert [span.of(text) for span in spans] == ["انظر", "https://t.me/a_b#c", ".", "و", "@abc_d"]


def test_neighboring_links_stay_two() -> None:
    assert surfaces("@abc@def.org @abc\n@def") == [OPAQUE, OPAQUE, OPAQUE]


def test_hashtag_words() -> None:
    tokens = read(["في #ريف_إدلب_2 قصف#حماة"])
    assert tokens.surfaces == ["في", "ريف", "ادلب", "2", "قصف", "حماه"]
    assert list(tokens.in_hashtag) == [0, 1, 2, 2, 0, 1]


def test_glued_across_what_folds_to_nothing() -> None:
    tokens = read(["كـ15 كتابًا3 a_1 a\u200c1"])
    assert tokens.surfaces == ["ك", "15", "كتابا", "3", "a", "1", "a", "1"]
    assert list(tokens.glued) == [0, 1, 0, 1, 0, 0, 0, 1]


def test_breaks() -> None:
    tokens = read(["a b\nc", "\n d \r\n\r\n e\n", "", "f"])
    assert tokens.surfaces == ["a", "b", "c", "d", "e", "f"]
    assert list(tokens.breaks) == [1, 0, 1, 1, 1, 1]
    assert tokens.bounds == [0, 3, 5, 5, 6]


def test_no_posts_and_empty_posts() -> None:
    assert read([]).bounds == [0]
    assert read(["", " ", "\u064e"]).bounds == [0, 0, 0, 0]


def test_every_code_point_has_its_class() -> None:
    """Looked at one by one: what folds to itself is told by its letter, mark or sign."""
    table = folding()
    kept = [code for code in range(0x21, CODE_POINTS) if int(table.one[code]) == code]
    text = " ".join(map(chr, kept))
    tokens = read([text])
    assert tokens.surfaces == text.split(" ")
    joined = read(["".join(f"{chr(code)}\u6f22 " for code in kept)])
    # A code point joins a letter of the class "other letters" where it is one itself.
    pairs = {surface[:-1] for surface in joined.surfaces if len(surface) == 2}
    assert pairs == {chr(code) for code in kept if kind_of(chr(code)) == "letter"}


@settings(max_examples=200, deadline=None)
@given(st.lists(posts, max_size=4))
def test_equals_the_slow_reading(texts: list[str]) -> None:
    tokens = read(texts)
    marks = find_marks(texts)
    batch = tokens.normalized
    assert len(tokens.bounds) == len(texts) + 1
    columns = (tokens.starts, tokens.ends, tokens.in_hashtag, tokens.glued, tokens.breaks)
    assert {len(column) for column in columns} == {len(tokens.surfaces)}
    for post, raw in enumerate(texts):
        start, end = int(batch.starts[post]), int(batch.ends[post])
        opaque = [(span.start, span.end) for span in marks.opaque_spans[post]]
        tags = [(span.start, span.end) for span in marks.hashtag_spans[post]]
        expected = slow(raw, batch.post(post), batch.origin[start:end].tolist(), opaque, tags)
        inside_post = range(tokens.bounds[post], tokens.bounds[post + 1])
        found = [
            (
                tokens.surfaces[k],
                tokens.starts[k] - start,
                tokens.ends[k] - start,
                tokens.in_hashtag[k],
                tokens.glued[k],
                tokens.breaks[k],
            )
            for k in inside_post
        ]
        assert found == expected


def slow(
    raw: str, text: str, origin: list[int], opaque: list[tuple[int, int]], tags: list[tuple[int, int]]
) -> list[tuple[str, int, int, int, int, int]]:
    """One post, letter by letter, as the docstring of `TokenBatch` has it."""
    pieces: list[list[int]] = []
    last: object = None
    for at, char in enumerate(text):
        link = next((span for span in opaque if span[0] <= origin[at] < span[1]), None)
        kind: object = link or kind_of(char)
        if kind == "space":
            last = None
            continue
        if kind != "sign" and kind == last:
            pieces[-1][1] = at + 1
        else:
            pieces.append([at, at + 1])
        last = kind
    tokens = []
    seen_tags: set[tuple[int, int]] = set()
    before = 0
    for index, (start, end) in enumerate(pieces):
        link = any(span[0] <= origin[start] < span[1] for span in opaque)
        tag = next((span for span in tags if span[0] <= origin[start] < span[1]), None)
        in_tag = 0 if tag is None else 2 if tag in seen_tags else 1
        if tag is not None:
            seen_tags.add(tag)
        glued = int(index > 0 and pieces[index - 1][1] == start)
        broken = int(index == 0 or any(char in LINE_BREAKS for char in raw[before : origin[start]]))
        tokens.append((OPAQUE if link else text[start:end], start, end, in_tag, glued, broken))
        before = origin[end - 1] + 1
    return tokens


def kind_of(char: str) -> str:
    if char == " ":
        return "space"
    if char in "0123456789":
        return "digit"
    if char.isalpha():
        code = ord(char)
        return (
            "arabic" if inside(code, ARABIC_BLOCKS) else "latin" if inside(code, LATIN_BLOCKS) else "letter"
        )
    return "letter" if unicodedata.category(char) in {"Mn", "Mc"} else "sign"


def test_capitals_part_the_words_of_a_hashtag() -> None:
    texts = ["x #SaveAleppo", "#UNSyria #McMurray iPhone #homs"]
    tokens = tokenize(normalize_batch(texts), find_marks(texts))
    assert tokens.surfaces == ["x", "save", "aleppo", "un", "syria", "mcmurray", "iphone", "homs"]
    assert list(tokens.in_hashtag) == [0, 1, 2, 1, 2, 1, 0, 1]
    assert list(tokens.glued) == [0, 0, 1, 0, 1, 0, 0, 0]
