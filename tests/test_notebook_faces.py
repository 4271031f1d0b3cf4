"""What a notebook shows: the dataset, a post with its mentions, the difference of versions, and the notebook itself."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from export_builders import HARD, TOWN, hard_dataset, post
from hypothesis import given
from hypothesis import strategies as st
from storage_builders import publish
from typer.testing import CliRunner, Result

import pipeline
from pipeline.cli import app
from pipeline.errors import DatasetError, MarsadError
from pipeline.storage.dataset import Dataset
from pipeline.storage.mentions import Marked, direction, highlighted

ORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return hard_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def dataset(folder):
    return pipeline.open_dataset(folder)


class Reader(HTMLParser):
    """The text of a page, its tags, and the titles of its marks by the words in them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: set[str] = set()
        self.marks: list[tuple[str, str]] = []
        self._title: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "mark":
            self._title = dict(attrs)["title"]
            self.marks.append(("", self._title))

    def handle_endtag(self, tag):
        if tag == "mark":
            self._title = None

    def handle_data(self, data):
        self.text += data
        if self._title is not None:
            self.marks[-1] = (self.marks[-1][0] + data, self._title)


def test_load_and_open_dataset_are_one():
    assert pipeline.load is pipeline.open_dataset


def test_a_version_can_be_cited_and_called(dataset):
    assert f"{dataset.version}" == "4"
    assert dataset.version == 4
    assert isinstance(dataset.version, int)
    first = dataset.version(1)
    assert (first.version, first.sources) == (1, ["ghab"])
    assert first.version(4).version == 4
    with pytest.raises(DatasetError, match="no such version"):
        dataset.version(99)


def test_difference_and_why(dataset):
    found = dataset.diff(1, 2)
    counts = found.summary.set_index("table")[["added", "changed", "gone"]]
    assert counts.loc["posts"].tolist() == [0, 1, 0]
    assert set(found.summary.source) == {"ghab"}
    changed = found.rows.query("table == 'posts'").iloc[0]
    assert (changed.kind, changed.key) == ("changed", "telegram:ghab:0")
    assert "text" in changed["columns"]
    assert set(dataset.diff(3).summary.source) <= {"empty"}
    assert "nothing differs" in repr(dataset.diff(4))
    assert "nothing differs" in dataset.diff(4)._repr_html_()
    assert dataset.diff(2, 3).summary.why.tolist() == ["the source is new"] * 2
    assert "<table" in dataset.diff(2, 3)._repr_html_()


def test_the_dataset_shows_itself(dataset):
    page = Reader(dataset._repr_html_())
    assert "version 4" in page.text
    for name in ("ghab", "homs", "empty"):
        assert name in page.text
    assert f"{len(dataset.posts()):,}" in page.text
    assert page.tags <= {"div", "b", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "bdi"}


def test_geo_is_a_frame_of_points(dataset):
    pytest.importorskip("geopandas")
    frame = dataset.geo(place="معرة النعمان")
    assert frame.crs.to_epsg() == 4326
    assert {(point.x, point.y) for point in frame.geometry} == {(TOWN.lon, TOWN.lat)}
    assert list(dataset.geo(columns=["name"]).columns) == ["name", "geometry"]
    assert len(dataset.geo(since="2030-01-01")) == 0


def test_a_post_shows_its_mentions_in_its_words(tmp_path):
    text = "قصف على معرة النعمان"
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[post(1, text, posted=datetime(2014, 3, 5, tzinfo=UTC), places=[TOWN])]])
    shown = pipeline.open_dataset(tmp_path).mentions("telegram:ghab:1")
    page = Reader(shown._repr_html_())
    assert 'dir="rtl"' in shown._repr_html_()
    assert [words for words, _ in page.marks] == [text[:1]]
    for told in ("Maarrat an-Numan", "Idlib", "score 0.90", "or Ham (LB) 0.20"):
        assert told in page.marks[0][1]
    assert "place 'ق': Maarrat an-Numan" in repr(shown)


@pytest.mark.parametrize("number", range(len(HARD)))
def test_hard_posts_are_shown_as_text(dataset, number):
    shown = dataset.mentions(f"telegram:ghab:{number}")
    page = Reader(shown._repr_html_())
    assert page.tags <= {"div", "bdi", "mark", "span", "table", "tr", "td"}
    assert not set(page.text) & set(ORDERING)
    assert "\x00" not in shown._repr_html_()
    assert repr(shown)


def test_no_such_post(dataset):
    with pytest.raises(DatasetError, match="no post 'x' in version 4"):
        dataset.mentions("x")


@given(
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=ORDERING), max_size=12),
    spans=st.lists(st.tuples(st.integers(-1, 13), st.integers(-1, 13)), max_size=4),
)
def test_marks_change_no_letter(text, spans):
    marked = [Marked(start, end, "place", f"{start}-{end}") for start, end in spans]
    page = Reader(highlighted(text, marked))
    assert page.text == text
    for start, end in spans:
        if 0 <= start < end <= len(text):
            told = f"place: {start}-{end}"
            assert (
                "".join(words for words, title in page.marks if told in title.split("\n")) == text[start:end]
            )


def test_signs_that_reorder_are_named():
    assert Reader(highlighted("a\u202eb\x07", [])).text == "a⟨RLO⟩b␇"


@pytest.mark.parametrize(
    ("arabic", "latin", "expected"),
    [(1.0, 0.0, "rtl"), (0.2, 0.8, "ltr"), (0.0, 0.0, "auto"), (0.5, 0.5, "rtl")],
)
def test_direction(arabic, latin, expected):
    assert direction({"arabic_share": arabic, "latin_share": latin}) == expected


def test_ready_types(dataset):
    posts = dataset.posts()
    assert isinstance(posts.source.dtype, pd.CategoricalDtype)
    assert isinstance(posts.language.dtype, pd.CategoricalDtype)
    assert str(posts.posted_at.dtype) == "datetime64[us, UTC]"
    assert posts.posted_at.max() - posts.posted_at.min() < timedelta(days=60)


# The command


def marsad(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_the_command(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(
        f"dataset: {folder}\nsources:\n  - {{name: ghab, files: 'x/*.json', zone: UTC}}\n", encoding="utf-8"
    )
    done = marsad("export", "csv", "places", "--place", "حماه", "--bbox", "36,35,37,36")
    assert done.exit_code == 0
    assert done.stderr == "places: 1 cells that a spreadsheet may run begin with an apostrophe\n"
    assert done.stdout.startswith("places.csv: ")
    assert set(pd.read_csv("places.csv").place_id) == {"t:hama"}
    told = marsad("export", "sqlite", "--json", "--history", "--source", "ghab")
    summary = json.loads(told.stdout)
    assert summary["version"] == 4
    assert summary["files"][0]["path"] == "marsad-4.sqlite"
    assert summary["files"][0]["rows"]["history"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["csv", "places"], "--force replaces it"),
        (["csv", "--bbox", "1,2"], "is no box"),
        (["csv", "--source", "gab"], "did you mean 'ghab'"),
        (["csv", "--since", "yesterday"], "write 2014-03-05"),
        (["ods"], "no format 'ods'"),
        (["datapackage", "--place", "Hama"], "takes no tables and no filters"),
    ],
)
def test_a_wrong_call_ends_with_2(folder, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "places.csv").touch()
    (tmp_path / "config.yaml").write_text(
        f"dataset: {folder}\nsources:\n  - {{name: ghab, files: 'x/*.json', zone: UTC}}\n", encoding="utf-8"
    )
    done = marsad("export", *words)
    assert isinstance(done.exception, MarsadError)
    assert done.exception.exit_code == 2
    assert message in str(done.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "places.csv"]


# The notebook of the docs


def test_the_notebook_runs_from_its_first_cell_to_its_last(root, tmp_path, cache, toolkit, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(root / "docs" / "notebook.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    monkeypatch.setenv("MARSAD_KEY_FILE", str(tmp_path / "key"))
    shutil.copytree(root / "samples", tmp_path / "samples")
    config = (root / "config.yaml").read_text(encoding="utf-8").replace("kind: processes", "kind: serial")
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    ran = marsad("run", "ghab_telegram", "blog_english", "--config", str(tmp_path / "config.yaml"))
    assert ran.exit_code == 0
    (tmp_path / "docs").mkdir()
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path / "docs")}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(root)})
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in shown if output.output_type == "error"]
    pictures = [output.data["image/svg+xml"] for output in shown if "image/svg+xml" in output.get("data", {})]
    assert len(pictures) == 2
    assert all(picture.count("<path") > 10 for picture in pictures)
    pages = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert any("<mark" in page for page in pages)
