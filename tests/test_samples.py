"""The samples are what they say: labels fit the texts, texts stand in the exports, counts are as told."""

from __future__ import annotations

import csv
import json
import re
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config, load
from pipeline.data import rows
from pipeline.jobs.intake import reading_of
from pipeline.readers import Export, choose, fingerprint, read
from pipeline.records import NonPost, Post, Rejection

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"


@pytest.fixture(scope="module")
def gold() -> list[dict[str, Any]]:
    with (SAMPLES / "gold.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
    return told


@pytest.fixture(scope="module")
def config() -> Config:
    return load(ROOT / "config.yaml")


@pytest.fixture(scope="module")
def items(config: Config) -> dict[str, list[Post | NonPost | Rejection]]:
    """All that the readers give for each source, in order."""
    found: dict[str, list[Post | NonPost | Rejection]] = {}
    for source in config.sources:
        reading = reading_of(source)
        found[source.name] = []
        for path in config.find_files(source):
            export = Export(path, path.relative_to(ROOT).as_posix(), fingerprint(path))
            found[source.name] += read(choose(export, source.reader), reading)
    return found


def test_every_source_of_config_is_described(config: Config, expected: dict[str, dict[str, Any]]) -> None:
    assert [source.name for source in config.sources] == list(expected)
    for source in config.sources:
        found = sorted(path.relative_to(SAMPLES).as_posix() for path in config.find_files(source))
        assert found == sorted(expected[source.name]["files"])


def test_there_is_enough(expected: dict[str, dict[str, Any]], gold: list[dict[str, Any]]) -> None:
    assert len(expected) >= 9
    assert sum(source["posts"] for source in expected.values()) >= 650
    assert sum(source["rejected"] for source in expected.values()) <= 12
    assert len(gold) >= 200
    assert {row["source"] for row in gold} == set(expected)


def test_readme_tells_the_same_counts(expected: dict[str, dict[str, Any]]) -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    told = {
        name: int(posts) for name, posts in re.findall(r"^\| (\w+) \|.*?\| (\d+) \|", readme, re.MULTILINE)
    }
    assert told == {name: source["posts"] for name, source in expected.items()}


def test_readers_give_the_expected_counts(
    expected: dict[str, dict[str, Any]], items: dict[str, list[Post | NonPost | Rejection]]
) -> None:
    for name, told in expected.items():
        posts = [item for item in items[name] if isinstance(item, Post)]
        rejections = [item for item in items[name] if isinstance(item, Rejection)]
        reasons: dict[str, int] = {}
        for rejection in rejections:
            reasons[rejection.reason.value] = reasons.get(rejection.reason.value, 0) + 1
        assert len({post.post_id for post in posts}) == told["posts"], name
        assert len(posts) == told["posts"] + told["duplicates"], name
        assert told["edited"] <= told["duplicates"], name
        assert len(rejections) == told["rejected"], name
        assert reasons == told.get("reasons", {}), name
        assert sum(isinstance(item, NonPost) for item in items[name]) == told["non_posts"], name


def test_gold_is_read_back_as_exported(
    gold: list[dict[str, Any]], items: dict[str, list[Post | NonPost | Rejection]]
) -> None:
    read_back = {
        (name, item.text, item.posted_local.isoformat()[:16])
        for name, found in items.items()
        for item in found
        if isinstance(item, Post) and item.posted_local is not None
    }
    missing = [row for row in gold if (row["source"], row["text"], row["posted_local"][:16]) not in read_back]
    assert missing == []


def test_ids_of_gold_are_the_native_ones(
    gold: list[dict[str, Any]], items: dict[str, list[Post | NonPost | Rejection]]
) -> None:
    native = {
        (name, item.native_id, item.text)
        for name, found in items.items()
        for item in found
        if isinstance(item, Post)
    }
    named = [row for row in gold if row["post_id"] is not None]
    assert len(named) > len(gold) / 2
    assert [row for row in named if (row["source"], row["post_id"], row["text"]) not in native] == []


def test_spans_are_the_surfaces(gold: list[dict[str, Any]]) -> None:
    for row in gold:
        for mention in [*row["places"], *row["dates"]]:
            assert row["text"][mention["start"] : mention["end"]] == mention["surface"] != "", row["text"]


def test_spans_of_a_kind_do_not_overlap(gold: list[dict[str, Any]]) -> None:
    for row in gold:
        for kind in ("places", "dates"):
            spans = [(mention["start"], mention["end"]) for mention in row[kind]]
            assert spans == sorted(spans), row["text"]
            assert all(left[1] <= right[0] for left, right in pairwise(spans)), row


def test_surfaces_begin_and_end_with_words(gold: list[dict[str, Any]]) -> None:
    """A span never ends in the middle of a word; before it only the glued letters may stand."""
    for row in gold:
        for mention in [*row["places"], *row["dates"]]:
            after = row["text"][mention["end"] : mention["end"] + 1]
            before = re.search(r"\w*$", row["text"][: mention["start"]])
            assert not re.match(r"\w", after), (mention["surface"], row["text"])
            glued = before.group() if before else ""
            assert re.fullmatch("[وفبلكـ]{0,3}", glued), (mention["surface"], row["text"])


def test_places_of_gold_are_in_the_table(gold: list[dict[str, Any]]) -> None:
    table = {row["place_id"]: row for row in rows("places")}
    for row in gold:
        for mention in row["places"]:
            place = table[mention["place_id"]]
            assert (mention["lat"], mention["lon"]) == (float(place["lat"]), float(place["lon"]))


def test_dates_of_gold_are_days_in_order(gold: list[dict[str, Any]]) -> None:
    for row in gold:
        datetime.fromisoformat(row["posted_local"])
        for mention in row["dates"]:
            first, last = (mention[end] and date.fromisoformat(mention[end]) for end in ("from", "to"))
            assert mention.get("optional", False) == (first is None and last is None), row["text"]
            if first and last:
                assert first <= last, row["text"]


def test_many_posts_of_gold_hold_nothing(gold: list[dict[str, Any]]) -> None:
    assert sum(not row["places"] and not row["dates"] for row in gold) > len(gold) / 3


def test_nobody_can_be_called() -> None:
    """Phone numbers in the samples are of the kind that we invented."""
    for path in sorted(SAMPLES.rglob("*")):
        if (
            path.is_file()
            and path.suffix in {".json", ".jsonl", ".txt", ".csv"}
            and path.name != "expected.json"
        ):
            text = path.read_text(encoding="utf-8")
            for number in re.findall(r"(?<![\d/.-])(?:\+963[\d ]{9,}|0[39]\d{8})(?![\d])", text):
                assert re.fullmatch(r"\+963 900 000 \d{3}|0900000\d{3}", number.strip()), (path.name, number)


def test_the_telegram_export_is_broken_as_the_real_ones_are() -> None:
    raw = (SAMPLES / "ghab_telegram" / "result.json").read_bytes()
    assert raw.count(rb"\x0B") == 2  # one post: its text and its entities
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)
    assert raw.startswith(b'{\n "name": ')
    assert b'\n  {\n   "id": ' in raw


def test_the_arabic_phone_writes_its_marks() -> None:
    (path,) = (SAMPLES / "hama_whatsapp").glob("*.txt")
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.match("٦\N{RIGHT-TO-LEFT MARK}/٥\N{RIGHT-TO-LEFT MARK}/٢٠١٩، ٨:٠١ ص - ", first)


def test_crowdtangle_has_its_columns() -> None:
    for path in sorted((SAMPLES / "pages_crowdtangle").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            table = list(csv.reader(lines))
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        assert {len(row) for row in table} == {41}
