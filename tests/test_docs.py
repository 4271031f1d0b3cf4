"""The pages of docs/: links lead somewhere, commands parse, examples that can be run say what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from test_manners import parsed

import pipeline
from pipeline import readers
from pipeline.config.models import Config
from pipeline.jobs.inspect import export_of
from pipeline.readers import Reading
from pipeline.records import Post

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"]
LINK = re.compile(r"(?<!!)\[[^\]\[]*(?:\[\])?\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {
        "".join(char for char in title.lower() if char.isalnum() or char in "-_ ").replace(" ", "-")
        for title in titles
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for match in LINK.finditer(text):
        target = match[1] or match[2]
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{page.name}: {target}"
        assert found.is_relative_to(ROOT)
        if anchor and found.suffix == ".md":
            assert anchor in headings(found), f"{page.name}: {target}"


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in {".md", ".ipynb"}} - {
        "README.md"
    }
    assert {name for name in pages if f"]({name})" not in index} == set()


def calls() -> list[tuple[str, str]]:
    """Every `marsad ...` of the pages: lines of code blocks, and words between backquotes."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [
            line
            for block in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()
        ]
        inline = re.findall(r"`(marsad [^`\n]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for line in [*lines, *inline]:
            call = re.sub(r"^(?:\$ )?(?:\.venv/bin/)?", "", line.strip())
            if call.startswith("marsad ") and not re.search(
                r"\.\.\.|…|\[OPTIONS\]|\[[A-Z]+\]|COMMAND| \| |\$", call
            ):
                found.append((page.name, re.split(r"\s{3,}(?![-\w/]+$)| {2,}#", call)[0].rstrip()))
    return list(dict.fromkeys(found))


# Where a page names a command without what it needs: "`marsad rerun` replaces ...".
NEEDED = {
    "SOURCE": "x",
    "FILE": "x",
    "POST_ID": "x",
    "NAME": "x",
    "TEXT": "x",
    "AUTHOR": "x",
    "DAY": "2016-01-01",
}


@pytest.mark.parametrize(("page", "call"), calls(), ids=lambda each: each.replace(" ", "_")[:60])
def test_every_call_of_the_pages_parses(page, call):
    for word, instead in NEEDED.items():
        call = re.sub(rf"\b{word}\b", instead, call)
    refused = ""
    try:
        parsed(call)
    except Exception as error:  # noqa: BLE001  whatever a parser may raise
        refused = str(error) or repr(error)
    # "`marsad rerun` replaces ...": a command that is only named may lack what it needs
    only_named = "Missing parameter" in refused and not [word for word in call.split() if word[0] == "-"]
    assert not refused or only_named, f"{page}: {call}: {refused}"


def test_calls_are_found():
    found = [call for _, call in calls()]
    assert len(found) > 80
    assert "marsad run" in found
    assert 'marsad gazetteer lookup "Kherbet en-Naqous"' in found


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if "```yaml" in page.read_text(encoding="utf-8")],
    ids=lambda page: page.name,
)
def test_every_key_of_the_pages_is_one(page, tmp_path):
    from pipeline.config import load

    for number, block in enumerate(
        re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ):
        told = yaml.safe_load(block)
        if told is None:  # comments only
            continue
        if isinstance(told, list):
            told = {"sources": told}
        if not set(told) <= Config.model_fields.keys():  # a part of a source
            told = {"sources": [{"name": "x", "files": "x"} | told]}
        told.setdefault("sources", [{"name": "x", "files": "x"}])
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
        load(path, {})


def test_the_table_of_dates_is_what_comes_out(cache, toolkit, monkeypatch):
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    page = (ROOT / "docs" / "dates.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if re.match(r"\|.* \.\. ", line)][1:]
    rows = [(text, days, edtf.strip("`")) for texts, days, edtf, *_ in lines for text in texts.split(", ")]
    assert len(rows) > 7
    found = pipeline.annotate(
        [text for text, *_ in rows], published_at="2015-08-27T12:00", zone="Asia/Damascus", home=["SY"]
    ).dates
    told = [
        (
            row.surface,
            f"{row.date_from:%Y-%m-%d} .. {'null' if pd.isna(row.date_to) else f'{row.date_to:%Y-%m-%d}'}",
            row.edtf,
        )
        for row in found.itertuples()
    ]
    assert told == rows


def test_the_post_of_the_tutorial_is_as_told(cache, toolkit, monkeypatch):
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (post_id,) = set(re.findall(r"telegram:\d+:\d+", page))
    folder = ROOT / "samples" / "ghab_telegram"
    reading = Reading(source="ghab_telegram", zone="Asia/Damascus")
    items = readers.read(readers.choose(export_of(folder / "result.json")), reading)
    (post,) = [item for item in items if isinstance(item, Post) and item.post_id == post_id]
    places = pipeline.annotate(
        [post.text], published_at="2015-08-01T12:00", zone="Asia/Damascus", home=["SY"]
    ).places
    assert places[["surface", "ambiguous"]].to_numpy().tolist() == [["المنصورة", True]]


def test_the_fields_of_a_table_of_places_are_those_that_are_read(tmp_path):
    from pipeline.places.sources.table import HEADS

    page = (ROOT / "docs" / "add-places.md").read_text(encoding="utf-8")
    sentence = page[page.index("A table in UTF-8") : page.index("Your rows win")]
    assert set(re.findall(r"`(\w+)`", sentence)) <= HEADS.keys()
