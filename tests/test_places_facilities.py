"""Facilities that no gazetteer has: a table of cases, and what they inherit."""

from __future__ import annotations

import pytest
from case_tables import cases

from pipeline.data import rows
from pipeline.places import find_places
from pipeline.places.facilities import facility_words
from pipeline.places.gazetteer import Gazetteer
from pipeline.records import PlaceMention
from pipeline.text import find_marks, normalize_batch, tokenize


@pytest.fixture(scope="session")
def gazetteer(toolkit) -> Gazetteer:
    return toolkit.gazetteer


def find(text: str, gazetteer: Gazetteer) -> tuple[PlaceMention, ...]:
    return find_places(tokenize(normalize_batch([text]), find_marks([text])), gazetteer, ("SY",))[0]


@pytest.mark.parametrize("case", cases("place_facilities"))
def test_facilities(case: dict[str, str], gazetteer: Gazetteer) -> None:
    text = case["text"].replace("\\n", "\n")
    told = [
        f"{m.span.of(text)}={'~' * (m.place.coordinate_kind == 'inherited')}{m.place.place_id}"
        for m in find(text, gazetteer)
    ]
    assert "; ".join(told) == case["found"]


def test_a_facility_lies_where_its_place_lies(gazetteer: Gazetteer) -> None:
    hospital, town = find("خرج مشفى كفرنبل عن الخدمة", gazetteer)
    assert (hospital.place.lat, hospital.place.lon) == (town.place.lat, town.place.lon)
    assert (hospital.place.feature, hospital.place.population) == ("hospital", 0)
    assert hospital.place.name == "Kafr Nabl hospital"
    assert hospital.place.name_ar == f"مشفى {town.place.name_ar}"
    assert (hospital.place.country, hospital.place.admin1) == ("SY", "Idlib")
    assert hospital.ambiguous == town.ambiguous
    assert town.relation == "facility_of"
    assert town.phrase == hospital.span


def test_spellings_of_a_facility_have_one_id(gazetteer: Gazetteer) -> None:
    texts = ["قصف مشفى كفرنبل", "قصف مستشفى كفر نبل", "Kafr Nabl hospital was hit"]
    assert len({find(text, gazetteer)[0].place for text in texts}) == 1


def test_a_facility_of_an_open_name_stays_open(gazetteer: Gazetteer) -> None:
    facility, village = find("خرج مشفى المنصورة عن الخدمة", gazetteer)
    assert facility.ambiguous
    assert len(facility.candidates) == len(village.candidates) > 1


def test_what_only_the_post_anchors_is_flagged(gazetteer: Gazetteer) -> None:
    beside = find("قصف على جامع الرحمن في سراقب", gazetteer)[0]
    apart = find("سراقب: قذيفة قرب جامع الرحمن", gazetteer)[1]
    assert (beside.ambiguous, apart.ambiguous) == (False, True)
    assert beside.score > apart.score


def test_every_kind_has_an_arabic_word() -> None:
    table = list(rows("place_facilities"))
    kinds = {row["kind"] for row in table if row["role"] in {"head", "place"}}
    assert kinds == set(facility_words().arabic)
    assert {row["role"] for row in table} == {"head", "place", "ending", "title"}
