"""What an analyst gets: every column with its type, the same rows by every way of reading."""

from __future__ import annotations

import importlib.util
import os
import shutil
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from storage_builders import annotated, publish, rejection

from pipeline.errors import DatasetError
from pipeline.records import AnnotatedPost, Origin, Post
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import Loaded, frames_of, load
from pipeline.storage.rows import encode
from pipeline.storage.schema import TABLES, column_notes

ORIGIN = Origin("a.json", "ab" * 32, "line 1", "generic")


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2014, 3, day, hour, tzinfo=UTC)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    bare = AnnotatedPost(
        post=Post(post_id="blog:x:1", source="blog", platform="blog", group_id="x", origin=ORIGIN)
    )
    days = [
        AnnotatedPost(
            post=Post(
                post_id=f"blog:x:d{day}",
                source="blog",
                platform="blog",
                group_id="x",
                posted_at=at(day),
                origin=ORIGIN,
            )
        )
        for day in (5, 6, 7)
    ]
    with Dataset(root).writer("test") as writer:
        publish(
            writer,
            [[annotated("1", views=7, reactions={"👍": 2}), annotated("2", places=2)]],
            rejections=[rejection()],
        )
        publish(writer, [[bare, *days]], source="blog")
    return root


@pytest.fixture
def loaded(root) -> Loaded:
    return load(root)


def test_pandas_gets_ready_types(loaded):
    posts, places, dates = loaded.posts(), loaded.places(), loaded.dates()
    assert list(posts.columns) == TABLES["posts"].names
    assert isinstance(posts.source.dtype, pd.CategoricalDtype)
    assert isinstance(posts.language.dtype, pd.CategoricalDtype)
    assert str(posts.posted_at.dtype) == "datetime64[us, UTC]"
    assert str(posts.posted_local.dtype) == "datetime64[us]"
    assert posts.views.dtype == pd.Int64Dtype()
    assert str(dates.date_from.dtype).startswith("datetime64[")
    assert dates.date_from[0] == pd.Timestamp(2014, 3, 4)
    assert places.start.dtype == "int32"
    assert places.ambiguous.dtype == bool
    assert list(posts.source) == ["blog"] * 4 + ["ghab"] * 2
    assert list(posts.index) == list(range(6))
    assert posts.groupby("source", observed=True).size().to_dict() == {"blog": 4, "ghab": 2}


def test_what_is_not_known_is_null(loaded):
    post = loaded.posts(source="blog").iloc[-1]  # where times are not known
    for column in (
        "posted_at",
        "edited_at",
        "author_key",
        "views",
        "reactions",
        "extra",
        "fault",
        "native_id",
    ):
        assert pd.isna(post[column])
    assert post.text == ""
    assert list(post.hashtags) == []


def test_plain_parquet_gives_the_same_rows(root, loaded):
    for table in ("posts", "places", "dates", "rejected"):
        plain = pd.read_parquet(os.path.realpath(root / "current" / table))
        ours = getattr(loaded, table)()
        assert list(plain.columns) == list(ours.columns)
        assert isinstance(plain.source.dtype, pd.CategoricalDtype)
        assert plain.source.astype(str).tolist() == ours.source.astype(str).tolist()
        assert len(plain) == len(ours)
    plain = pd.read_parquet(os.path.realpath(root / "current" / "posts"))
    pd.testing.assert_series_equal(plain.text, loaded.posts().text)
    pd.testing.assert_series_equal(plain.posted_at, loaded.posts().posted_at)
    whole = pq.read_table(os.path.realpath(root / "current" / "places")).drop_columns("source")
    assert whole.equals(loaded.places(format="arrow").drop_columns("source"))


def test_mentions_point_into_their_posts(loaded):
    texts = loaded.posts().set_index("post_id").text
    for mentions in (loaded.places(), loaded.dates()):
        for row in mentions.itertuples():
            assert texts[row.post_id][row.start : row.end] == row.surface
    assert list(loaded.places().mention) == ["telegram:77:1/p0", "telegram:77:2/p0", "telegram:77:2/p1"]
    place = loaded.places(format="arrow").to_pylist()[0]
    assert (place["place_id"], place["name_ar"], place["country"]) == ("t:hama", "حماة", "SY")
    assert [(one["place_id"], one["country"], one["score"]) for one in place["candidates"]] == [
        ("t:hama", "SY", 0.7),
        ("t:ham", "LB", 0.2),
    ]


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (None, None, [5, 6, 7, None]),
        ("2014-03-06", None, [6, 7]),
        (None, "2014-03-06", [5, 6]),
        (date(2014, 3, 6), date(2014, 3, 6), [6]),
        (at(6), at(7), [6]),
        (datetime(2014, 3, 6, 15, tzinfo=timezone(timedelta(hours=3))), None, [6, 7]),
        (datetime(2014, 3, 6, 16, tzinfo=timezone(timedelta(hours=3))), None, [7]),
        ("2014-03-06T12:00:01+00:00", None, [7]),
        ("2015-01-01", None, []),
    ],
)
def test_periods(loaded, since, until, days):
    found = loaded.posts(columns=["post_id", "posted_at"], source="blog", since=since, until=until)
    assert [None if pd.isna(when) else when.day for when in found.posted_at] == days
    assert list(found.columns) == ["post_id", "posted_at"]


def test_one_source_or_several(loaded):
    assert len(loaded.posts(source="ghab")) == 2
    assert len(loaded.posts(source=["ghab", "blog", "ghab"])) == 6
    assert len(loaded.places(source=["blog"])) == 0
    assert len(loaded.posts(source=[])) == 0
    assert len(loaded.rejected(source="ghab", columns=["reason"])) == 1


def test_a_filter_works_on_columns_that_are_not_asked_for(loaded):
    assert list(loaded.places(columns=["name"], since="2014-01-01").columns) == ["name"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "homs"}, "blog, ghab"),
        ({"columns": ["texts"]}, "no column 'texts'"),
        ({"format": "excel"}, "pandas, polars, arrow"),
        ({"since": "yesterday"}, "2014-03-05"),
        ({"since": datetime(2014, 3, 5)}, "no zone"),
    ],
)
def test_wrong_wishes_are_told_what_there_is(loaded, arguments, message):
    with pytest.raises(DatasetError, match=message):
        loaded.posts(**arguments)


@pytest.mark.skipif(importlib.util.find_spec("polars") is not None, reason="polars is installed")
def test_polars_is_named_where_it_is_missing(loaded):
    with pytest.raises(DatasetError, match="pip install polars"):
        loaded.posts(format="polars")


def test_polars(loaded):
    polars = pytest.importorskip("polars")
    assert isinstance(loaded.posts(format="polars"), polars.DataFrame)


def test_the_version_stays_whatever_is_published(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("1")]])
        before = load(tmp_path)
        publish(writer, [[annotated("2")]], run_id="r2")
    assert (before.version, len(before.posts())) == (1, 1)
    assert (load(tmp_path).version, len(load(tmp_path).posts())) == (2, 2)
    assert len(load(tmp_path, version=1).posts()) == 1
    shutil.rmtree(tmp_path / "versions" / "000001")
    with pytest.raises(DatasetError, match="load the dataset again"):
        before.posts()


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetError, match="marsad run"):
        load(tmp_path)
    with pytest.raises(DatasetError, match="no dataset here"):
        load(str(tmp_path / "nowhere"))


def test_a_cut_file_is_found_before_it_is_read(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        _, version = publish(writer, [[annotated("1")]])
    os.truncate(version.files("posts")[0], 50)
    with pytest.raises(DatasetError, match="50 bytes"):
        load(tmp_path)


def test_damage_inside_a_file_is_told(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        _, version = publish(writer, [[annotated("1")]])
    path = version.files("posts")[0]
    raw = path.read_bytes()
    path.write_bytes(raw[:4] + b"\xff" * (len(raw) - 8) + raw[-4:])
    with pytest.raises(DatasetError, match="is damaged"):
        load(tmp_path).posts()


def test_frames_of_posts_in_no_dataset_have_the_types_of_the_dataset(loaded):
    posts, places, dates = frames_of([annotated("1", views=7), annotated("2", places=2)])
    for ours, theirs in ((posts, loaded.posts()), (places, loaded.places()), (dates, loaded.dates())):
        names = [
            name for name in theirs.columns if name not in {"source", "language"}
        ]  # their categories differ
        assert ours.dtypes[names].to_dict() == theirs.dtypes[names].to_dict()
        assert list(ours.columns) == list(theirs.columns)
    assert [len(frame) for frame in frames_of([])] == [0, 0, 0]


def test_lone_surrogates_and_counts_beyond_64_bits_do_not_end_a_run(tmp_path):
    odd = annotated(
        "1\udc80",
        "قبل \ud83d بعد",
        group_name="\ud800",
        views=2**70,
        extra={"title": "\udfff", "n": 2**70, "s": {1}},
    )
    fine = annotated("2", views=3, extra={"title": "عنوان"})
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[odd, fine]])
    posts = load(tmp_path).posts()
    assert list(posts.text) == ["قبل � بعد", "قصف على حماة أمس"]
    assert posts.views.isna().tolist() == [True, False]
    assert "عنوان" in posts.extra[1]
    assert posts.post_id.is_unique


def test_times_of_any_zone_are_stored_as_utc():
    beirut = timezone(timedelta(hours=3))
    post = annotated("1").post
    moved = Post(
        **{
            **{name: getattr(post, name) for name in post.__struct_fields__},
            "posted_at": datetime(2014, 3, 6, 0, 30, tzinfo=beirut),
        }
    )
    posts, _, _ = frames_of([AnnotatedPost(post=moved)])
    assert posts.posted_at[0] == datetime(2014, 3, 5, 21, 30, tzinfo=UTC)


def test_a_batch_is_of_one_source():
    with pytest.raises(ValueError, match="several sources"):
        encode([annotated("1"), annotated("1", source="hama")], "r1")
    assert encode([], "r1").posts == 0


def test_where_a_forwarded_post_was_first_is_kept():
    posts, _, _ = frames_of([annotated("1", forwarded_local=datetime(2014, 3, 1, 8))])
    assert posts.extra[0] == '{"forwarded_local":"2014-03-01T08:00:00"}'


def test_every_column_has_its_sentence():
    for table, schema in TABLES.items():
        notes = column_notes(table)
        assert [name for name, _, _ in notes] == schema.names
        assert all(type_ and note for _, type_, note in notes)
    assert (
        "candidates",
        "list<struct<place_id: string, name: string, lat: double, lon: double, country: string, score: double>>",
    ) in [note[:2] for note in column_notes("places")]
    assert ("posted_at", "timestamp[us, UTC]") in [note[:2] for note in column_notes("posts")]
