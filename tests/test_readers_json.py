"""Records in any JSON document: lists by name, a list that is the whole file, JavaScript around it, UTF-16."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reader_builders import export_of

from pipeline.readers import Limits
from pipeline.readers.json_records import ScannedRecords

RECORDS = [
    {"id": str(number), "text": f'قصف [{number}] {{"x"}}', "inner": {"list": [{"a": 1}]}}
    for number in range(50)
]


def found(path: Path, *lists: str, **more: object) -> tuple[list[object], ScannedRecords, list[str]]:
    records = ScannedRecords(export_of(path), lists=lists, **more)
    values, kinds = [], []
    for piece in records:
        kinds.append(piece.what)
        if piece.what == "record":
            assert path.read_bytes()[piece.start : piece.end] == piece.raw
            try:
                values.append(json.loads(piece.raw))
            except ValueError:
                values.append(None)
    return values, records, kinds


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("before", ["", "window.YTD.tweets.part0 = ", "\ufeff  \n"])
def test_a_list_that_is_the_whole_file(tmp_path, indent, before):
    path = tmp_path / "x"
    path.write_text(before + json.dumps(RECORDS, ensure_ascii=False, indent=indent), encoding="utf-8")
    values, _, kinds = found(path, "")
    assert values == RECORDS
    assert set(kinds) == {"open", "record"}


def test_lists_by_their_names_with_what_stands_around_them(tmp_path):
    path = tmp_path / "x"
    document = {
        "id": "v1",
        "tags": [{"id": 9}],
        "comments": RECORDS[:3],
        "more": {"title": "t", "posts_v2": RECORDS[3:5]},
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    values, records, _ = found(path, "comments", "posts_v2", members=("id", "title"))
    assert values == RECORDS[:5]
    assert records.heads[0]["id"] == "v1"
    assert records.heads[1]["title"] == "t"
    assert found(path, "nothing")[0] == []


def test_a_list_in_a_record_is_no_list_of_records(tmp_path):
    path = tmp_path / "x"
    path.write_text(json.dumps({"list": RECORDS}), encoding="utf-8")
    assert found(path, "list")[0] == RECORDS
    assert found(path, "")[0] == []  # the whole file is an object


def test_a_cut_file_gives_what_is_whole_and_its_tail(tmp_path):
    path = tmp_path / "x"
    whole = json.dumps(RECORDS)
    path.write_text(whole[: whole.index('"id": "30"') + 20], encoding="utf-8")
    values, _, kinds = found(path, "")
    assert values == RECORDS[:30]
    assert kinds[-1] == "tail"


def test_a_record_over_the_limit_is_told_and_costs_itself(tmp_path):
    path = tmp_path / "x"
    path.write_text(json.dumps([RECORDS[0], {"text": "x" * 5_000_000}]), encoding="utf-8")
    records = ScannedRecords(export_of(path, limits=Limits(record_bytes=1 << 20)), lists=("",))
    kinds = [piece.what for piece in records]
    assert kinds[:2] == ["open", "record"]
    assert "large" in kinds


def test_many_levels_cost_no_memory(tmp_path):
    path = tmp_path / "x"
    path.write_text("[" * 200_000 + "]" * 200_000, encoding="utf-8")
    values, _, _ = found(path, "messages")
    assert values == []
