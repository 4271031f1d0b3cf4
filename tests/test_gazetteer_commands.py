"""`marsad gazetteer add | list | lookup | remove` and what `marsad check` says, as an analyst calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = "gazetteer: {home: [SY, LB]}\nsources: [{name: posts, files: '*.jsonl'}]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("analyst")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "posts.jsonl").write_text(
        '{"id": "1", "text": "x", "date": "2015-01-01T00:00:00Z"}\n', encoding="utf-8"
    )
    return folder


def marsad(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "MARSAD_GAZETTEER": str(folder / "layers"),
        "MARSAD_CACHE": str(folder / "cache"),
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip


def test_a_table_from_adding_to_removing(folder: Path) -> None:
    (folder / "mine.csv").write_text(
        "name,name_en,lat,lon\nحاجز المثال,Mithal,35.65,36.32\n", encoding="utf-8"
    )
    added = marsad(folder, "gazetteer", "add", "csv", "mine.csv")
    assert added.returncode == 0, added.stderr
    assert "added mine: 1 places" in added.stdout
    listed = marsad(folder, "gazetteer", "list")
    assert "mine" in listed.stdout
    assert "used" in listed.stdout
    assert "CC BY 4.0" in listed.stdout  # the attributions of the package's own places
    found = json.loads(marsad(folder, "gazetteer", "lookup", "حاجز المثال", "--json").stdout)
    assert [one["place"]["name_en"] for one in found] == ["Mithal"]
    assert (found[0]["tier"], found[0]["similarity"]) == ("letters", 1.0)
    shown = marsad(folder, "gazetteer", "lookup", "Methal").stdout
    assert "romanisation" in shown
    assert "35.6500, 36.3200" in shown
    line = json.dumps({"id": "1", "text": "قصف قرب حاجز المثال"})
    annotated = json.loads(marsad(folder, "annotate", stdin=line + "\n").stdout)
    assert [place["name_en"] for place in annotated["places"]] == ["Mithal"]
    checked = marsad(folder, "check")
    assert "SY: " in checked.stdout
    assert "marsad gazetteer add whosonfirst lb sy" in checked.stdout
    removed = marsad(folder, "gazetteer", "remove", "mine")
    assert removed.stdout == "removed mine\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add", "csv", "none.csv"], 2, "none.csv: cannot be read"),
        (["add", "whosonfirst"], 2, "name the countries"),
        (["add", "whosonfirst", "syria"], 2, "'SYRIA' is not a country; did you mean 'SY'"),
        (["add", "geonames", "SY", "--from", "none.zip"], 2, "none.zip"),
        (["remove", "nothing"], 2, "no layer 'nothing'"),
        (["add", "geonames", "SY", "--mirror", "file:///etc"], 1, "not an http or https address"),
    ],
)
def test_mistakes_are_told_in_a_line(folder: Path, arguments: list[str], code: int, message: str) -> None:
    answer = marsad(folder, "gazetteer", *arguments)
    assert answer.returncode == code
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
