"""An export that was cut and comes again whole: the post that was taken in by half does not stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load
from pipeline.jobs.run import Outcome, run
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset

LINES = [
    "05/03/2014, 10:00 - Ali: قصف على حماة\n",
    "05/03/2014, 10:05 - Omar: clashes near Idlib yesterday\nand in the countryside of Aleppo\n",
    "05/03/2014, 10:09 - Ali: quiet now\n",
    "05/03/2014, 10:12 - Omar: thank God\n",
]
WHOLE = "".join(LINES)


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.export = folder / "WhatsApp Chat.txt"
        (folder / "config.yaml").write_text(
            "engine: {kind: serial}\nsources:\n"
            "  - {name: a, files: '*.txt', reader: whatsapp, zone: Asia/Damascus, day_order: dmy, authors: keep}\n",
            encoding="utf-8",
        )

    def run(self, content: str) -> Outcome:
        self.export.write_text(content, encoding="utf-8")
        (outcome,) = run(load(self.folder / "config.yaml"))
        return outcome

    @property
    def texts(self) -> list[str]:
        return sorted(load_dataset(self.folder / "data").posts().text)


@pytest.fixture
def house(tmp_path: Path, cache: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize("cut", [len(LINES[0]) + 45, len(LINES[0] + LINES[1]) - 9, len(WHOLE) - 4])
def test_the_half_of_a_post_goes_when_the_file_is_whole(house: House, cut: int) -> None:
    assert house.run(WHOLE[:cut]).state == "published"
    half = house.texts
    outcome = house.run(WHOLE)
    assert (outcome.state, outcome.posts) == ("published", 4)
    whole = house.texts
    assert not set(half) <= set(whole)
    house.export.write_text(WHOLE, encoding="utf-8")
    (fresh,) = run(load(house.folder / "config.yaml"), ["a"])
    assert fresh.state == "unchanged"
    assert whole == sorted(line.split(": ", 1)[1].strip() for line in LINES)
    assert Dataset(house.folder / "data").current().verify() == []


def test_a_file_that_only_grew_loses_nothing(house: House) -> None:
    house.run("".join(LINES[:2]))
    outcome = house.run(WHOLE)
    assert (outcome.books.duplicate, outcome.books.written, outcome.posts) == (2, 2, 4)


def test_another_file_of_the_same_name_takes_nothing_away(house: House) -> None:
    house.run("".join(LINES[:2]))
    outcome = house.run(
        "06"
        + "".join(LINES[2:])[2:]
        + "06/03/2014, 11:00 - Ali: more words than there were before, by far\n" * 3
    )
    assert outcome.state == "published"
    assert "قصف على حماة" in house.texts
