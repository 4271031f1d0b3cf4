"""Reruns of a period, and rejected rows that are read again after a mistake was mended."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipeline.config import load
from pipeline.jobs.run import Options, Outcome, run
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset

ROWS = (
    "id,text,at\n"
    "1,قصف على حماة,2016-02-01 10:00\n"
    "2,قصف على حلب,2016-02-02 23:30\n"
    "3,Clashes near Idlib,2016-02-03 00:15\n"
    "4,Quiet day,03.02.2016 11:00\n"
    "5,,\n"
)


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time_format = "%Y-%m-%d %H:%M"
        (folder / "a.csv").write_text(ROWS, encoding="utf-8")

    def run(self, **options: object) -> Outcome:
        config = self.folder / "config.yaml"
        config.write_text(
            "engine: {kind: serial}\nsources:\n"
            "  - name: a\n    files: ['*.csv']\n    zone: Asia/Damascus\n    platform: test\n    group: g\n"
            f"    time_format: '{self.time_format}'\n    authors: drop\n"
            "    columns: {id: id, text: text, posted_at: at}\n    expect: {max_rejected: 1, max_shrink: 1}\n",
            encoding="utf-8",
        )
        (outcome,) = run(load(config), (), Options(**options))
        return outcome

    @property
    def rows(self):
        return load_dataset(self.folder / "data").posts().set_index("native_id")

    @property
    def rejected(self) -> list[str]:
        return sorted(load_dataset(self.folder / "data").rejected().reason)


@pytest.fixture
def house(tmp_path: Path, cache: Path) -> House:
    return House(tmp_path)


def test_replay_takes_mended_rows_in_exactly_once(house: House) -> None:
    assert house.run().state == "published"
    assert list(house.rows.index) == ["1", "2", "3"]
    assert house.rejected == ["bad_time", "no_time"]
    (house.folder / "a.csv").write_text(ROWS, encoding="utf-8")  # the export itself stays as it is
    house.time_format = "%d.%m.%Y %H:%M"  # an operator told the other way of writing times
    again = house.run(kind="replay", reasons=frozenset({"bad_time"}))
    assert (again.state, again.posts, again.books.written) == ("published", 4, 1)
    assert list(house.rows.index) == ["1", "2", "3", "4"]
    once_more = house.run(kind="replay", reasons=frozenset({"bad_time"}))
    assert once_more.posts == 4


def test_replay_without_a_change_publishes_nothing(house: House) -> None:
    house.run()
    before = Dataset(house.folder / "data").current().number
    again = house.run(kind="replay")
    assert again.state == "unchanged"
    assert "2 rows are rejected as before" in again.notes
    assert Dataset(house.folder / "data").current().number == before


def test_replay_of_another_reason_reads_nothing(house: House) -> None:
    house.run()
    assert house.run(kind="replay", reasons=frozenset({"bad_json"})).files == 0


def test_replay_without_rejected_rows_does_nothing(house: House) -> None:
    (house.folder / "a.csv").write_text(ROWS.split("4,", maxsplit=1)[0], encoding="utf-8")
    house.run()
    assert house.run(kind="replay").state == "unchanged"


def test_a_rerun_of_a_period_replaces_its_days_only(house: House) -> None:
    house.run()
    first = house.rows.run_id["1"]
    (house.folder / "a.csv").write_text(ROWS.replace("حلب", "إدلب").replace("حماة", "حمص"), encoding="utf-8")
    outcome = house.run(kind="rerun", period=(date(2016, 2, 2), date(2016, 2, 2)))
    assert outcome.state == "published"
    rows = house.rows
    assert rows.text["2"] == "قصف على إدلب"  # 23:30 by the clock in Damascus is still the 2nd
    assert (rows.run_id["2"], rows.run_id["3"]) == (outcome.run_id, first)
    assert sorted(rows.index) == ["1", "2", "3"]
    assert "history" not in str(rows.extra["2"])  # replaced, as in a rerun
    assert rows.text["1"] == "قصف على حمص"  # what is new on other days is taken in as in a run
    assert "حماة" in str(rows.extra["1"])


def test_a_period_may_be_open(house: House) -> None:
    house.run()
    first = house.rows.run_id["1"]
    outcome = house.run(kind="rerun", period=(date(2016, 2, 2), None))
    assert dict(house.rows.run_id) == {"1": first, "2": outcome.run_id, "3": outcome.run_id}
    outcome = house.run(kind="rerun", period=(None, date(2016, 2, 1)))
    assert house.rows.run_id["1"] == outcome.run_id


def test_a_period_without_posts_leaves_the_rows(house: House) -> None:
    house.run()
    before = house.rows.run_id.to_dict()
    house.run(kind="rerun", period=(date(2020, 1, 1), date(2020, 12, 31)))
    assert house.rows.run_id.to_dict() == before
