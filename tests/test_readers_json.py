"""Records in any JSON document: lists by name, a list that is the whole file, JavaScript around it, UTF-16."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reader_builders import export_of

from pipeline.readers import Limits, json_records
from pipeline.readers.json_records import TELEGRAM_RECORD, Piece, ScannedRecords

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


class TokenByToken(ScannedRecords):
    """Reads no record in one step."""

    def _whole(self) -> Piece | None:
        return None


LEAVES = st.none() | st.integers() | st.text('ab"\\{}[],:\u0628', max_size=6)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "x", "messages"]), inner)
    ),
    max_leaves=12,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "type": st.sampled_from(["message", "y"]), "v": VALUES}),
    max_size=8,
)
PARTS = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b"\0", b'{"id":7,"type":"message"', b"stray"]
)
INJURIES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), PARTS), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MESSAGES, INJURIES, st.tuples(st.sampled_from([None, 1]), st.sampled_from([None, TELEGRAM_RECORD])))
def test_a_record_in_one_step_is_the_record_token_by_token(tmp_path, monkeypatch, messages, injuries, how):
    indent, start = how
    monkeypatch.setattr(json_records, "CHUNK", 256)
    tight = None if indent else (",", ":")
    raw = json.dumps({"name": "n", "messages": messages, "more": 1}, indent=indent, separators=tight).encode()
    for where, cut, put in injuries:
        at = int(where * len(raw))
        raw = raw[:at] + put + raw[at + cut :]
    path = tmp_path / "x"
    path.write_bytes(raw)
    both = [kind(export_of(path), record_start=start) for kind in (ScannedRecords, TokenByToken)]
    first, second = (list(records) for records in both)
    assert first == second
    assert both[0].heads == both[1].heads


def test_plain_records_are_read_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_text(json.dumps({"messages": RECORDS}), encoding="utf-8")
    steps = []
    step = ScannedRecords._whole
    monkeypatch.setattr(ScannedRecords, "_whole", lambda records: steps.append(step(records)) or steps[-1])
    values, _, _ = found(path, "messages")
    assert values == RECORDS
    assert sum(one is not None for one in steps) == len(RECORDS) - 1  # the last one is too near to the end
