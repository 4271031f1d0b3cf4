"""Phrases around names of places: a table of cases, the details in the rule, and laws."""

from __future__ import annotations

import pytest
from case_tables import cases
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import rows
from pipeline.places import find_places
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.phrases import DIRECTIONS, RELATIONS, compass
from pipeline.records import PlaceMention
from pipeline.text import find_marks, normalize_batch, tokenize

ROLES = {"type", "village", "parts", "unit", "head", "between", "direction", "whither", "adjective", "link"}
ROLES |= {"distance", "kilometers"}


@pytest.fixture(scope="session")
def gazetteer(toolkit) -> Gazetteer:
    return toolkit.gazetteer


def find(text: str, gazetteer: Gazetteer) -> tuple[PlaceMention, ...]:
    return find_places(tokenize(normalize_batch([text]), find_marks([text])), gazetteer, ("SY",))[0]


@pytest.mark.parametrize("case", cases("place_phrases"))
def test_phrases(case: dict[str, str], gazetteer: Gazetteer) -> None:
    text = case["text"].replace("\\n", "\n")
    told = [
        f"{m.span.of(text)}|{m.phrase.of(text) if m.phrase else '-'}|{m.relation or '-'}"
        for m in find(text, gazetteer)
    ]
    assert "; ".join(told) == case["found"]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("حريق على بعد 10 كم شمال سراقب", "10 km"),
        ("حريق على بعد 500 متر غرب سراقب", "0.5 km"),
        ("A fire 3 miles north of Saraqib", "4.827 km"),
        ("A fire north of Saraqib", ""),
        ("اشتباكات في ريف حماة الغربي", "west"),
        ("Clashes in northern Hama", "north"),
    ],
)
def test_distance_and_side_stand_in_the_rule(text: str, detail: str, gazetteer: Gazetteer) -> None:
    assert find(text, gazetteer)[0].rule.partition("; ")[2].partition("; ")[2] == detail


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("اشتباكات في ريف حماة", "governorate"),
        ("معارك في الريف الشمالي لحماة", "governorate"),
        ("Shelling in the western countryside of Hama", "governorate"),
        ("قصف شمال حماة", "city"),
        ("قصف محيط مدينة حماة", "city"),
    ],
)
def test_the_countryside_is_the_governorate(text: str, feature: str, gazetteer: Gazetteer) -> None:
    assert find(text, gazetteer)[0].place.feature == feature


def test_the_table_is_closed() -> None:
    for row in rows("place_phrases"):
        assert row["role"] in ROLES
        assert row["side"] in {"before", "after"}
        match row["role"]:
            case "direction" | "whither" | "adjective":
                assert row["relation"] in {*DIRECTIONS, "middle"}
            case "kilometers":
                assert float(row["relation"]) > 0
            case "link" | "distance":
                assert row["relation"] == ""
            case _:
                assert row["relation"] in RELATIONS


@given(st.lists(st.sampled_from(["north", "south", "east", "west"]), max_size=3))
def test_compass_names_a_direction(words: list[str]) -> None:
    assert compass(words) in {*DIRECTIONS, ""}
    assert (compass(words) == "") == (not words)
