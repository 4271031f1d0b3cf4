"""The table of deviations from pyarabic is true, and there are none where it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarabic import normalize as pyarabic

from pipeline.data import rows
from pipeline.text import normalize
from pipeline.text.fold import by_pyarabic

TABLE = Path(__file__).parent / "cases" / "pyarabic.tsv"
CASES = [
    [json.loads(f'"{cell}"') for cell in line.split("\t")]
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#") and not line.startswith("what\t")
]
DEVIATING = {chr(int(row["code"], 16)) for row in rows("fold")}
# Letters, harakat, tatweel and digits of the Arabic block on which both agree; no letter thrice in a row.
AGREED = sorted(
    {chr(code) for code in (*range(0x0621, 0x0653), *range(0x0660, 0x066A))} - DEVIATING - {"\u0670"}
)


@pytest.mark.parametrize(
    ("what", "raw", "searchtext", "asked", "ours"), CASES, ids=[case[0] for case in CASES]
)
def test_deviations(what: str, raw: str, searchtext: str, asked: str, ours: str) -> None:
    assert pyarabic.normalize_searchtext(raw) == searchtext
    assert by_pyarabic(raw) == asked
    assert normalize(raw).text == ours


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(AGREED), max_size=30))
def test_equal_on_arabic_letters_marks_and_digits(letters: list[str]) -> None:
    text = "".join(letters)
    folded = by_pyarabic(text)
    if not any(folded[at] == folded[at + 1] == folded[at + 2] for at in range(len(folded) - 2)):
        assert normalize(text).text == folded
