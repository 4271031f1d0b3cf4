"""Which of the places of one name is meant: a made gazetteer with homonyms, and the shipped one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks import homonyms
from pipeline.annotate import Toolkit
from pipeline.config import Source
from pipeline.places import find_places
from pipeline.places.decided import decided
from pipeline.places.gazetteer import Gazetteer, kilometres, open_gazetteer
from pipeline.places.resolve import Asked, reasons_of, resolve, setting_of
from pipeline.records import PlaceMention
from pipeline.text import find_marks, normalize_batch, tokenize

HEAD = "place_id,kind,name_en,name_ar,also_en,also_ar,lat,lon,country,admin1,admin2,population,prior,source"
VILLAGES = """t-zarzur-idlib,village,Zarzurtan,زرزورتان,,,36.05,36.40,SY,Idlib,,,,invented
t-zarzur-daraa,village,Zarzurtan,زرزورتان,,,32.80,36.10,SY,Daraa,,,,invented
t-zarzur-raqqa,village,Zarzurtan,زرزورتان,,,36.20,39.10,SY,Raqqa,,,,invented
t-qurqush,village,Qurqushtan,قرقوشتان,,,36.08,36.43,SY,Idlib,,,,invented
t-balbul-idlib,village,Balbultan,بلبولتان,,,36.02,36.38,SY,Idlib,,,,invented
t-balbul-homs,village,Balbultan,بلبولتان,,,34.60,36.60,SY,Homs,,,,invented
t-dandun-iraq,village,Dandunat Village,قرية دندونات,,,33.00,44.00,IQ,,,,,invented
t-dandun-hama,village,Dandunat,دندونات,,,35.20,36.70,SY,Hama,,,,invented
t-tantan-town,city,Tantanat,طنطنات,,,35.90,36.60,SY,Idlib,,150000,,invented
t-tantan-village,village,Tantanat,طنطنات,,,33.40,36.30,SY,Rif Dimashq,,,,invented
"""


@pytest.fixture(scope="session")
def shipped(toolkit) -> Gazetteer:
    return toolkit.gazetteer


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    folder = tmp_path_factory.mktemp("homonyms")
    layer = folder / "villages.csv"
    layer.write_text(f"{HEAD}\n{VILLAGES}", encoding="utf-8")
    return open_gazetteer(folder, ("SY", "LB", "IQ", "TR"), [Path(layer)])


def find(text: str, gazetteer: Gazetteer, home: tuple[str, ...] = ("SY",)) -> tuple[PlaceMention, ...]:
    return find_places(tokenize(normalize_batch([text]), find_marks([text])), gazetteer, home)[0]


@pytest.mark.parametrize(
    ("text", "place_id"),
    [
        ("قصف على قرية زرزورتان وقرقوشتان", "t-zarzur-idlib"),  # a neighbor of one meaning
        ("قصف على قرية زرزورتان وبلبولتان", "t-zarzur-idlib"),  # two open names settle each other
        ("قصف على قرية زرزورتان في ريف درعا", "t-zarzur-daraa"),  # the governorate
        ("قصف على قرية زرزورتان في محافظة الرقة", "t-zarzur-raqqa"),
        ("Shelling of the village of Zarzurtan in Daraa province", "t-zarzur-daraa"),
        ("Shelling of the villages of Zarzurtan and Qurqushtan", "t-zarzur-idlib"),
        ("قصف على قرية دندونات", "t-dandun-hama"),  # home before a name with the type word in it
        ("قصف على مدينة طنطنات", "t-tantan-town"),
    ],
)
def test_the_right_one_is_taken(text: str, place_id: str, made: Gazetteer) -> None:
    mention = find(text, made)[0]
    assert (mention.place.place_id, mention.ambiguous) == (place_id, False)


@pytest.mark.parametrize(
    "text",
    [
        "قصف على قرية زرزورتان",
        "قصف على زرزورتان",
        "Shelling of the village of Zarzurtan",
        "قصف على قرية طنطنات",
    ],
)
def test_a_name_alone_stays_open(text: str, made: Gazetteer) -> None:
    mention = find(text, made)[0]
    assert mention.ambiguous
    assert len(mention.candidates) > 1


def test_the_type_word_is_no_part_of_the_name(made: Gazetteer) -> None:
    text = "قصف على قرية دندونات"
    mention = find(text, made)[0]
    assert (mention.span.of(text), mention.relation) == ("دندونات", "at")
    assert mention.phrase is not None
    assert mention.phrase.of(text) == "قرية دندونات"


def test_a_home_governorate_is_a_prior(made: Gazetteer) -> None:
    text = "قصف على قرية زرزورتان"
    assert find(text, made, ("SY/Daraa",))[0].place.place_id == "t-zarzur-daraa"
    assert find(text, made, ("SY/Raqqa",))[0].place.place_id == "t-zarzur-raqqa"


def test_a_home_governorate_is_no_filter(made: Gazetteer) -> None:
    assert find("قصف على قرية زرزورتان وقرقوشتان", made, ("SY/Daraa",))[0].place.place_id == "t-zarzur-idlib"


def test_the_official_name_of_a_unit_wins_over_its_part(shipped: Gazetteer) -> None:
    places = [mention.place.place_id for mention in find("قصف على دوما في ريف دمشق", shipped)]
    assert places == ["sy-rif-dimashq-douma", "sy-rif-dimashq"]


def test_other_posts_of_a_batch_say_nothing(made: Gazetteer) -> None:
    texts = ["قصف على قرية زرزورتان", "غارة على قرقوشتان", "غارة على قرقوشتان"]
    batch = find_places(tokenize(normalize_batch(texts), find_marks(texts)), made, ("SY",))
    assert batch[0] == find(texts[0], made)


def test_decided_tells_candidates_and_parts(made: Gazetteer) -> None:
    lines = decided("قصف على قرية زرزورتان وقرقوشتان", made, ("SY",))
    assert lines[0].startswith("زرزورتان, at: decided by ")
    assert "t-zarzur-idlib" in lines[1]
    assert "co-mention +" in lines[1]
    assert decided("لا شيء هنا", made, ("SY",)) == []


NUMBERS = st.integers(min_value=0, max_value=400)


@settings(max_examples=60)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=6, unique=True), min_size=1, max_size=5))
def test_shares_and_parts_add_up(shipped: Gazetteer, names: list[list[int]]) -> None:
    asked = [Asked(tuple(places)) for places in names]
    setting = setting_of(("SY",), shipped)
    resolved = resolve(asked, shipped, setting)
    for one, result, places in zip(asked, resolved, reasons_of(asked, shipped, setting), strict=True):
        shares = [share for _, share in result.candidates]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1
        assert {number for number, _ in result.candidates} <= set(one.places)
        assert {number for number, _, _ in places} == set(one.places)
        assert places[0][0] == result.candidates[0][0]
        for _, score, parts in places:
            assert score == pytest.approx(sum(value for _, value in parts))


def test_homonyms_are_asked_in_every_context(made: Gazetteer) -> None:
    answers = homonyms.measure(made, most=30)
    again = homonyms.measure(made, most=30)
    assert [one.figures() for one in answers] == [one.figures() for one in again]
    by = {(one.language, one.context): one for one in answers}
    assert set(by) == {(language, context) for language in ("ar", "en") for context in homonyms.CONTEXTS}
    alone, neighbor = by["ar", "alone"], by["ar", "one neighbor"]
    assert alone.posts >= neighbor.posts > 5
    assert alone.ambiguous > alone.posts / 2
    assert neighbor.right >= 0.9 * neighbor.posts
    assert len(homonyms.table(answers)) == 9


def test_distance_of_the_made_villages(made: Gazetteer) -> None:
    near, far = (find(text, made)[0].place for text in ("قرية قرقوشتان", "قرية دندونات"))
    assert kilometres(near.lat, near.lon, 36.08, 36.43) < 1
    assert kilometres(near.lat, near.lon, far.lat, far.lon) > 50


def test_a_home_governorate_is_one_of_the_country() -> None:
    assert Source(name="a", files="a.json", home=["SY/Idlib", "LB"]).home == ("SY/Idlib", "LB")
    for home in ("SY/Idleb", "LB/Idlib", "XX/Idlib", "SY/"):
        with pytest.raises(ValidationError):
            Source(name="a", files="a.json", home=home)


def test_a_home_may_be_a_governorate(toolkit: Toolkit) -> None:
    setting = setting_of(["SY/Idlib", "LB"], toolkit.gazetteer)
    assert setting.countries == ("SY", "LB")
    assert setting.units == frozenset({("SY", "Idlib")})
