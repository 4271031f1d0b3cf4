"""Places in posts: a table of cases, and laws that hold for any text."""

from __future__ import annotations

import pytest
from case_tables import cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.places import RELATIONS, find_places
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.recognize import stems
from pipeline.records import PlaceMention
from pipeline.text import find_marks, normalize_batch, tokenize

GHAB = "تم تحرير خربة الناقوس والمنصورة والآن التقدم باتجاه تل واسط وبعدها باتجاه جسر الشغور"


@pytest.fixture(scope="session")
def gazetteer(toolkit) -> Gazetteer:
    return toolkit.gazetteer


def find(
    texts: list[str], gazetteer: Gazetteer, home: tuple[str, ...] = ("SY",)
) -> list[tuple[PlaceMention, ...]]:
    return find_places(tokenize(normalize_batch(texts), find_marks(texts)), gazetteer, home)


@pytest.mark.parametrize("case", cases("places"))
def test_places(case: dict[str, str], gazetteer: Gazetteer) -> None:
    text = case["text"].replace("\\n", "\n")
    mentions = find([text], gazetteer, tuple(case["home"].split(",")))[0]
    assert "; ".join(f"{m.span.of(text)}={m.place.place_id}" for m in mentions) == case["found"]


def test_the_ghab_front_is_in_the_ghab(gazetteer: Gazetteer) -> None:
    points = [(m.place.lat, m.place.lon) for m in find([GHAB], gazetteer)[0]]
    expected = [(35.65, 36.33), (35.65, 36.35), (35.66, 36.34), (35.81, 36.32)]
    assert len(points) == len(expected)
    for (lat, lon), (lat_expected, lon_expected) in zip(points, expected, strict=True):
        assert abs(lat - lat_expected) < 0.02
        assert abs(lon - lon_expected) < 0.02


def test_a_neighbor_decides_between_places_of_one_name(gazetteer: Gazetteer) -> None:
    near_raqqa, near_ghab = find(["قصف المنصورة قرب الطبقة", "قصف المنصورة قرب تل واسط"], gazetteer)
    assert near_raqqa[0].place.place_id == "sy-raqqa-al-mansura"
    assert near_ghab[0].place.place_id == "sy-hama-al-mansura"
    assert "co-mention" in near_ghab[0].rule


def test_a_name_of_many_places_stays_open(gazetteer: Gazetteer) -> None:
    mention = find(["قصف على قرية المنصورة"], gazetteer)[0][0]
    assert mention.ambiguous
    assert len(mention.candidates) > 1


def test_a_named_governorate_draws_the_places_inside(gazetteer: Gazetteer) -> None:
    mentions = find(["قصف على قرية المنصورة في ريف حماة"], gazetteer)[0]
    assert [m.place.place_id for m in mentions] == ["sy-hama-al-mansura", "sy-hama"]


def test_home_decides_where_nothing_else_does(gazetteer: Gazetteer) -> None:
    text = ["انفجار في طرابلس"]
    assert find(text, gazetteer, ("LB",))[0][0].place.country == "LB"
    assert find(text, gazetteer, ("LY",))[0][0].place.country == "LY"


def test_shares_and_scores_are_in_bounds(gazetteer: Gazetteer) -> None:
    for mentions in find([GHAB, "Clashes in Mansoura, Tripoli and Hama"], gazetteer):
        for mention in mentions:
            shares = [candidate.score for candidate in mention.candidates]
            assert shares == sorted(shares, reverse=True)
            assert 0 < sum(shares) <= 1
            assert 0 < mention.score <= 1
            assert mention.rule


def test_clitics_come_off_in_order() -> None:
    assert [(stem, strip) for stem, strip, _ in stems("للاذقيه")] == [
        ("للاذقيه", 0),
        ("الاذقيه", 1),
        ("اللاذقيه", 1),
        ("لاذقيه", 1),
    ]
    assert [stem for stem, _, _ in stems("وحلب")] == ["وحلب", "حلب"]
    assert [stem for stem, _, _ in stems("و")] == ["و"]


PIECES = """مشفى معبر بين شمال كم بعد على قرب أطراف الشمالي لحلب hospital western countryside between km 5 حلب وحماة بإدلب للباب ريف مدينة #حمص #ريف_حماة تل واسط كفر نبل في من و ، . : Aleppo al-Bab Khan
Sheikhoun Ma'arrat al-Nu'man in near the Of @homs https://a.b/c ١٢ 12 ـ َ أبو محمد لواء U.S. St. - ' ’ _ #"""
WORDS = st.sampled_from([*PIECES.split(), "\n"])
TEXTS = st.one_of(
    st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join), st.lists(WORDS, max_size=8).map("".join)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=5))
def test_any_text_has_sorted_spans_inside(gazetteer: Gazetteer, texts: list[str]) -> None:
    batch = find(texts, gazetteer)
    assert len(batch) == len(texts)
    for text, mentions in zip(texts, batch, strict=True):
        order = [(mention.span.start, -mention.span.end) for mention in mentions]
        assert order == sorted(order)
        names = [mention for mention in mentions if mention.place.coordinate_kind != "inherited"]
        end = 0
        for mention in names:  # a facility holds the name that it is made of; names hold none
            assert end <= mention.span.start
            end = mention.span.end
        for mention in mentions:
            assert 0 <= mention.span.start < mention.span.end <= len(text)
            assert mention.candidates
            assert (mention.phrase is None) == (mention.relation is None)
            assert mention.relation is None or mention.relation in RELATIONS
            if mention.phrase is not None:
                assert mention.phrase.start <= mention.span.start < mention.span.end <= mention.phrase.end
                assert 0 <= mention.phrase.start < mention.phrase.end <= len(text)
    assert batch == [find([text], gazetteer)[0] for text in texts]
