"""What an analyst types: `pipeline.annotate` for bare texts, `pipeline.load` for a dataset."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

import pipeline
from pipeline.errors import ConfigError, DatasetError

TEXTS = ["قصف على خربة الناقوس أمس", "صباح الخير", "Airstrikes on Idlib in March 2015"]


@pytest.fixture(autouse=True)
def _cache(cache, monkeypatch):
    monkeypatch.setenv("MARSAD_CACHE", str(cache))


def test_one_time_for_all_texts():
    found = pipeline.annotate(TEXTS, published_at="2016-02-17", zone="Asia/Damascus", home=["SY"])
    assert list(found.posts.text) == TEXTS
    assert list(found.posts.language) == ["ar", "ar", "en"]
    assert list(found.places.name) == ["Khirbat al-Naqus", "Idlib"]
    assert list(found.dates.edtf) == ["2016-02-16", "2015-03"]
    assert all(pd.api.types.is_datetime64_dtype(found.dates[name]) for name in ("date_from", "date_to"))
    joined = found.dates.merge(found.posts, on="post_id")
    assert [row.text[row.start : row.end] for row in joined.itertuples()] == list(found.dates.surface)


def test_a_time_for_each_text_in_its_zone():
    evening = datetime(2016, 2, 16, 22, 30, tzinfo=UTC)  # the 17th in Damascus
    found = pipeline.annotate(
        ["أمس", "أمس", "أمس"], published_at=[evening, "2020-01-01", None], zone="Asia/Damascus"
    )
    assert [str(day)[:10] for day in found.dates.date_from] == ["2016-02-16", "2019-12-31", "NaT"]


def test_nothing_in_nothing_out():
    found = pipeline.annotate([])
    assert [len(table) for table in found] == [0, 0, 0]
    assert list(found.places.columns) == list(pipeline.annotate(TEXTS).places.columns)


def test_gaps_of_a_pandas_column_are_empty_texts_and_unknown_times():
    texts = pd.Series(["قصف على إدلب أمس", None, float("nan")], dtype=object)
    found = pipeline.annotate(
        texts, published_at=pd.Series([pd.Timestamp("2016-02-17"), pd.NaT, pd.NaT]), home="SY"
    )
    assert list(found.posts.text) == ["قصف على إدلب أمس", "", ""]
    assert list(found.dates.edtf) == ["2016-02-16"]
    assert list(pipeline.annotate(["أمس"], published_at=date(2016, 2, 17)).dates.edtf) == ["2016-02-16"]


def test_slips_are_told():
    with pytest.raises(TypeError, match="text 1 is no string: 5"):
        pipeline.annotate(["a", 5])
    with pytest.raises(TypeError, match="texts is a DataFrame"):
        pipeline.annotate(pd.DataFrame({"text": ["a"]}))
    with pytest.raises(ConfigError, match="'Syria' is not a country; did you mean 'SY'"):
        pipeline.annotate(["a"], home=["Syria"])
    with pytest.raises(ConfigError, match="'Asia/Damascs' is not a time zone"):
        pipeline.annotate(["a"], zone="Asia/Damascs")
    with pytest.raises(TypeError, match="list of strings"):
        pipeline.annotate("one text")
    with pytest.raises(ValueError, match="2 times for 1 texts"):
        pipeline.annotate(["a"], published_at=["2016-01-01", "2016-01-02"])
    with pytest.raises(ValueError, match="'yesterday' is not an ISO 8601 time"):
        pipeline.annotate(["a"], published_at="yesterday")


def test_there_is_no_dataset_yet(tmp_path):
    with pytest.raises(DatasetError, match=r"marsad run"):
        pipeline.load(tmp_path)
