"""Lines in, answers out: numbered as an editor numbers them."""

from __future__ import annotations

import os

import msgspec

from pipeline.jobs.stream import serve_lines


def test_a_blank_line_counts_but_has_no_answer(toolkit):
    source, sink = os.pipe()
    os.write(sink, '\n{"id":1,"text":null}\n\n{"id":2,"text":"قصف على إدلب"}'.encode())
    os.close(sink)
    said: list[bytes] = []
    assert serve_lines(source, said.append, toolkit) == (2, 1)
    os.close(source)
    wrong, right = [msgspec.json.decode(line) for line in b"".join(said).splitlines()]
    assert (wrong["id"], wrong["error"][:7]) == (1, "line 2:")
    assert (right["id"], [place["name"] for place in right["places"]]) == (2, ["Idlib"])


def test_a_text_of_many_names_comes_out_whole(toolkit):
    source, sink = os.pipe()
    text = "قصف على إدلب وحلب والمنصورة " * 400
    os.write(sink, msgspec.json.encode({"id": 1, "text": text}) + b"\n")
    os.close(sink)
    said: list[bytes] = []
    assert serve_lines(source, said.append, toolkit) == (1, 0)
    os.close(source)
    assert len(msgspec.json.decode(b"".join(said))["places"]) == 1200
