"""Filters: what parquet answers is what pandas answers over the whole tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from export_builders import HAMA, PLACES, START, TOWN, hard_dataset, post
from hypothesis import given
from hypothesis import strategies as st
from storage_builders import publish

from pipeline.errors import DatasetError
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load
from pipeline.storage.query import filters

TABLES = ("posts", "places", "dates")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return hard_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def loaded(dataset):
    return load(dataset)


@pytest.fixture(scope="module")
def whole(loaded):
    return {table: getattr(loaded, table)() for table in TABLES}


def within(rows, since, until):
    chosen = pd.Series(True, rows.index)
    if since is not None:
        chosen &= rows.posted_at >= pd.Timestamp(since, tz="UTC")
    if until is not None:
        chosen &= rows.posted_at < pd.Timestamp(until, tz="UTC") + pd.Timedelta(days=1)
    return chosen


def by_pandas(whole, table, *, source, since, until, language, place, bbox):
    """The definition: rows of the whole tables, one condition after the other."""
    rows, posts, places = whole[table], whole["posts"], whole["places"]
    chosen = within(rows, since, until)
    if source is not None:
        chosen &= rows.source.isin(source)
    if language is not None:
        chosen &= rows.post_id.isin(posts[posts.language.isin(language)].post_id)
    if place is not None or bbox is not None:
        there = pd.Series(True, places.index)
        if place is not None:
            there &= places.place_id.isin(place)
        if bbox is not None:
            west, south, east, north = bbox
            there &= places.lat.between(south, north)
            inside = places.lon.between(west, east)
            there &= inside if west <= east else (places.lon >= west) | (places.lon <= east)
        chosen &= there if table == "places" else rows.post_id.isin(places[there].post_id)
    return rows[chosen]


days = st.none() | st.dates(date(2014, 2, 26), date(2014, 4, 2))
degrees = st.sampled_from([-180, -100, 0, 36, 36.7578, 37, 178.44, 180])
boxes = st.tuples(degrees, st.sampled_from([-90, -15, 34.1, 35]), degrees, st.sampled_from([35, 35.64, 90]))


@given(
    table=st.sampled_from(TABLES),
    source=st.none() | st.lists(st.sampled_from(["ghab", "homs", "empty"]), max_size=2),
    since=days,
    until=days,
    language=st.none() | st.lists(st.sampled_from(["ar", "en", "mul", "fa"]), max_size=2),
    place=st.none() | st.lists(st.sampled_from([one.place_id for one in PLACES]), max_size=2),
    bbox=st.none() | boxes,
)
def test_filters_are_those_of_pandas(loaded, whole, table, **wanted):
    expected = by_pandas(whole, table, **wanted)
    key = "post_id" if table == "posts" else "mention"
    found = getattr(loaded, table)(columns=[key], **wanted)
    assert found[key].tolist() == expected[key].tolist()
    streamed = loaded.rows(table, filters(**wanted), [key]).batches(rows=3)
    assert [one for batch in streamed for one in batch[key].to_pylist()] == expected[key].tolist()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("t:hama", {"t:hama"}),
        ("Hama", {"t:hama"}),
        ("حماة", {"t:hama"}),
        ("حماه", {"t:hama"}),
        ("hamah", {"t:hama"}),
        ("Ḥamāh", {"t:hama"}),
        ("معره النعمان", {"t:marra"}),
        ("Maaret al-Numan", {"t:marra"}),
        ("أبيا", {"t:apia"}),
        ("Ham", {"t:ham"}),
    ],
)
def test_a_place_by_any_spelling(loaded, whole, name, found):
    assert set(loaded.named(name).place_id) == found
    places = whole["places"]
    rows = loaded.places(place=name)
    assert rows.mention.tolist() == places[places.place_id.isin(found)].mention.tolist()
    assert len(loaded.posts(place=name)) == rows.post_id.nunique() > 0


@pytest.mark.parametrize("name", ["Aleppo", "حلب", "t:aleppo", "Hamadan", "", "؟", "'; drop table"])
def test_a_place_that_nobody_mentions_is_told(loaded, name):
    assert loaded.named(name).empty
    with pytest.raises(DatasetError, match=r"no place .* in version"):
        loaded.posts(place=name)


def test_near_names_are_proposed(loaded):
    with pytest.raises(DatasetError, match="did you mean 'Suva'"):
        loaded.places(place="Suvra")
    with pytest.raises(DatasetError, match="did you mean 'homs'"):
        loaded.posts(source="hom")


def test_a_known_place_without_rows_in_the_period_is_no_error(loaded):
    assert loaded.posts(place="Hama", since="2020-01-01").empty
    assert loaded.posts(place="hamah", since="2020-01-01").empty
    assert loaded.posts(place=[]).empty


def test_an_exact_name_means_no_other_spelling(tmp_path):
    from msgspec.structs import replace

    other = replace(HAMA, place_id="t:hamah", name="Hamah", name_en="Hamah", name_ar="حمه")
    with Dataset(tmp_path).writer("test") as writer:
        posts = [post(1, "a", posted=START, places=[HAMA]), post(2, "b", posted=START, places=[other])]
        publish(writer, [posts])
    loaded = load(tmp_path)
    assert loaded.places(place="Hama").place_id.tolist() == ["t:hama"]
    assert loaded.places(place="Hamah").place_id.tolist() == ["t:hamah"]
    assert loaded.places(place="hama").place_id.tolist() == ["t:hama"]
    assert loaded.places(place=["Hama", "t:hamah"]).place_id.tolist() == ["t:hama", "t:hamah"]


def test_names_are_counted(loaded):
    found = loaded.named(TOWN.place_id).iloc[0]
    assert (found["name"], found["country"]) == ("Maarrat an-Numan", "SY")
    assert found["mentions"] == (loaded.places().place_id == TOWN.place_id).sum()


@pytest.mark.parametrize(
    "box", [(1, 2, 3), "abcd", (0, 91, 1, 92), (0, 5, 1, 4), (0, float("nan"), 1, 2), (-181, 0, 0, 1), 7]
)
def test_no_box(loaded, box):
    with pytest.raises(DatasetError, match="is no box"):
        loaded.places(bbox=box)


def test_rejected_rows_take_a_source_only(loaded):
    assert len(loaded.rejected(source="ghab")) == 1
    with pytest.raises(DatasetError, match="rejected rows have no time"):
        loaded.rows("rejected", filters(language="ar"))


def test_a_million_years_is_told(loaded):
    assert loaded.posts(since=datetime(1, 1, 1, tzinfo=UTC)).shape[0] > 0
    assert loaded.posts(since=START + timedelta(days=100)).empty
