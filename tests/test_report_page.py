"""The report in a browser: what it shows is what the dataset holds, whatever is filtered and whatever a post says."""

from __future__ import annotations

import io
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_builders import HOSTILE, dataset, gold

from pipeline.report import Health
from pipeline.report import page as make
from pipeline.storage.frames import Loaded

READY = "html[data-ready]"


@pytest.fixture(scope="module")
def loaded(root, toolkit, tmp_path_factory) -> Loaded:
    texts = gold(root, 240)
    own = {
        "alpha": texts[:90],
        "beta": [*texts[90:], "heavy shelling of Springfield yesterday"],
        "gamma": HOSTILE,
    }
    return dataset(tmp_path_factory.mktemp("data"), own, toolkit)


@pytest.fixture(scope="module")
def written(loaded, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(make(loaded), encoding="utf-8")
    return path


@pytest.fixture
def opened(page, written):
    return show(page, written)


def show(page: Any, path: Path) -> Any:
    page.goto(path.as_uri())
    page.wait_for_selector(READY, state="attached")
    return page


def shown(page: Any) -> int:
    return int(page.inner_text("#count strong").replace(",", ""))


def rows(page: Any, panel: str) -> list[tuple[str, int]]:
    """Label and number of each row of a panel, in order, all of them."""
    more = page.locator(f"#{panel} + .more")
    if more.is_visible() and "all" in more.inner_text():
        more.click()
    found = page.eval_on_selector_all(
        f"#{panel} button",
        "all => all.map(one => [one.querySelector('.row-label').innerText, one.querySelector('.row-number').firstChild.textContent])",
    )
    return [(label, int(number.replace(",", ""))) for label, number in found]


def pick(page: Any, panel: str, label: str) -> None:
    page.locator(f"#{panel} button").filter(has_text=label).first.click()


def search(page: Any, wanted: str) -> None:
    """Type, and wait until the page has answered: its filter then stands among the others."""
    page.fill("#search", wanted)
    page.locator("#chips button", has_text="“").wait_for()


def test_it_loads_without_errors_and_asks_for_nothing(opened, written):
    opened.wait_for_load_state("load")
    assert opened.problems == []
    assert opened.asked == [written.as_uri()]
    assert opened.evaluate("typeof window.taken") == "undefined"


def test_nothing_can_leave_the_page(opened):
    tried = "fetch('https://example.org/').then(() => 'sent', () => 'refused')"
    assert opened.evaluate(tried) == "refused"
    script = "(() => { const s = document.createElement('script'); s.textContent = 'window.taken = 1'; document.body.append(s); return typeof window.taken })()"
    assert opened.evaluate(script) == "undefined"


def test_the_first_numbers_are_those_of_the_tables(opened, loaded):
    posts, places = loaded.posts(), loaded.places()
    assert shown(opened) == len(posts)
    assert dict(rows(opened, "sources")) == posts["source"].value_counts().to_dict()
    assert sorted(number for _, number in rows(opened, "languages")) == sorted(
        posts["language"].value_counts()
    )
    assert sorted(n for _, n in rows(opened, "places")) == sorted(places["place_id"].value_counts())
    assert sorted(number for _, number in rows(opened, "pairs")) == sorted(pairs(places).values())


def pairs(places: pd.DataFrame) -> dict[tuple[str, str], int]:
    together: dict[tuple[str, str], int] = {}
    for _, own in places.groupby("post_id")["place_id"]:
        for pair in combinations(sorted(set(own)), 2):
            together[pair] = together.get(pair, 0) + 1
    return together


def test_each_panel_counts_what_passes_the_other_filters(opened, loaded):
    posts, places = loaded.posts(), loaded.places()
    pick(opened, "sources", "beta")
    beta = posts[posts["source"] == "beta"]
    assert shown(opened) == len(beta)
    assert (
        dict(rows(opened, "sources")) == posts["source"].value_counts().to_dict()
    )  # its own filter does not count
    assert sorted(n for _, n in rows(opened, "languages") if n) == sorted(
        beta["language"].value_counts()[lambda n: n > 0]
    )
    inside = places[places["post_id"].isin(beta["post_id"])]
    assert sorted(n for _, n in rows(opened, "places")) == sorted(inside["place_id"].value_counts())
    assert sorted(number for _, number in rows(opened, "pairs")) == sorted(pairs(inside).values())

    most = inside["place_id"].value_counts().index[0]
    name = inside[inside["place_id"] == most]["name"].iloc[0]
    pick(opened, "places", name)
    naming = set(places[places["place_id"] == most]["post_id"])
    assert shown(opened) == beta["post_id"].isin(naming).sum()
    there = posts[posts["post_id"].isin(naming)]
    assert {k: n for k, n in rows(opened, "sources") if n} == there["source"].value_counts()[
        lambda n: n > 0
    ].to_dict()

    opened.click("#clear")
    assert shown(opened) == len(posts)


def test_places_together(opened, loaded):
    expected = pairs(loaded.places())
    label, number = rows(opened, "pairs")[0]
    assert number == max(expected.values())
    opened.locator("#pairs button").first.click()
    assert shown(opened) == number
    opened.click("#places-mode button")  # any of the two is enough
    assert shown(opened) > number or len(loaded.places()["place_id"].unique()) == 2
    assert label


def test_times(opened, loaded):
    posts, dates = loaded.posts(), loaded.dates()
    opened.fill("#posted-from", "2015-07-05")
    opened.fill("#posted-to", "2015-07-20")
    opened.locator("#posted-to").blur()
    at = posts["posted_at"]
    within = (at >= "2015-07-05") & (at < "2015-07-21")
    assert 0 < within.sum() < len(posts)
    assert shown(opened) == within.sum()
    opened.click("#clear")
    opened.fill("#mentioned-from", "2015-07-05")
    opened.fill("#mentioned-to", "2015-07-20")
    opened.locator("#mentioned-to").blur()
    first = dates["date_from"].fillna(dates["date_to"])
    last = dates["date_to"].fillna(dates["date_from"])
    naming = dates[(first < "2015-07-21") & (last >= "2015-07-05")]["post_id"].unique()
    assert 0 < len(naming) < len(posts)
    assert shown(opened) == len(naming)


def test_a_brush_chooses_whole_bins_and_a_second_one_the_same_lifts_it(opened, loaded):
    opened.click("#time-table summary")
    opened.wait_for_selector("#time-table tbody tr")
    table = opened.eval_on_selector_all(
        "#time-table tbody tr", "all => all.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    assert sum(int(row[1]) for row in table) == loaded.posts()["posted_at"].notna().sum()
    chart = opened.locator("#posted-chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    places = [box["x"] + 60, box["x"] + box["width"] - 60]

    def drag() -> None:
        opened.mouse.move(places[0], box["y"] + 40)
        opened.mouse.down()
        opened.mouse.move(places[1], box["y"] + 40, steps=4)
        opened.mouse.up()

    drag()
    assert opened.locator("#posted-chart .brush").is_visible()
    first, last = (opened.input_value(f"#posted-{end}") for end in ("from", "to"))
    at = loaded.posts()["posted_at"]
    expected = ((at >= first) & (at < pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1))).sum()
    assert 0 < expected < len(at)
    assert shown(opened) == expected
    drag()
    assert shown(opened) == len(at)


@pytest.mark.parametrize(
    "wanted", ["ادلب", "إدلب", "IDLIB", "حماه", "قصف حلب", "script", "test:beta:3", "no such words"]
)
def test_search(opened, loaded, wanted):
    from pipeline.text.normalize import normalize

    posts = loaded.posts()
    search(opened, wanted)
    words = normalize(wanted).text.split()
    found = posts["text_normalized"].map(lambda text: all(word in text for word in words)) | (
        posts["post_id"] == wanted
    )
    assert shown(opened) == found.sum()


def test_the_map_filters_by_a_click_on_a_dot(opened, loaded):
    names = set(loaded.places()["name"])
    opened.click("#zoom-in")
    opened.click("#zoom-fit")
    box = opened.locator("#map").bounding_box()
    for x in range(20, int(box["width"]) - 60, 9):  # some dot lies under one of these
        opened.mouse.move(box["x"] + x, box["y"] + box["height"] / 2)
        if opened.locator("#tip").is_visible():
            name = opened.inner_text("#tip .tip-head bdi:first-child")
            opened.mouse.down()
            opened.mouse.up()
            break
    assert name in names
    assert name in opened.inner_text("#chips")
    naming = loaded.places()[lambda places: places["name"] == name]
    assert shown(opened) == naming.groupby("place_id")["post_id"].nunique().max()


def test_arabic_posts_run_from_right_to_left(opened, loaded):
    pick(opened, "languages", "Arabic ar")
    cards = opened.evaluate(
        """() => [...document.querySelectorAll('.card .text')].map(text => {
          const range = document.createRange();
          range.selectNodeContents(text);
          const lines = [...range.getClientRects()];
          const box = text.getBoundingClientRect();
          return {dir: getComputedStyle(text).direction, bidi: getComputedStyle(text).unicodeBidi, dirAttribute: text.dir,
                  right: box.right - Math.max(...lines.map(line => line.right)), left: Math.min(...lines.map(line => line.left)) - box.left,
                  lines: lines.length};
        })"""
    )
    assert len(cards) == 20
    rtl = [card for card in cards if card["dir"] == "rtl"]
    assert len(rtl) >= 19
    assert all(card["bidi"] == "isolate" for card in cards)
    assert all(card["right"] < 3 for card in rtl)  # lines begin at the right edge
    assert any(card["left"] > 40 for card in rtl)  # and end short of the left one
    opened.click("#clear")
    pick(opened, "languages", "English en")
    assert set(
        opened.eval_on_selector_all(".card .text", "all => all.map(text => getComputedStyle(text).direction)")
    ) == {"ltr"}


def test_marks_stand_on_the_words_of_the_tables(opened, loaded):
    surfaces = pd.concat([loaded.places(), loaded.dates()]).groupby("post_id")["surface"].agg(set).to_dict()
    for _ in range(2):
        cards = opened.eval_on_selector_all(
            ".card",
            "all => all.map(card => [card.querySelector('code bdi').textContent, [...card.querySelectorAll('.m')].map(m => m.textContent)])",
        )
        assert len(cards) == 20
        for quoted, marks in cards:
            own = surfaces.get(quoted.strip("'"), set())
            assert bool(marks) == bool(own)
            assert all(any(mark in surface for surface in own) for mark in marks)
        opened.click("#next")
    assert opened.inner_text("#where") == f"Page 3 of {-(-len(loaded.posts()) // 20)}"


def test_marks_do_not_part_letters_that_join(opened):
    """The clitic before a name goes on joining it: a mark has no width of its own."""
    styles = opened.eval_on_selector_all(
        ".card .m",
        "all => all.map(m => [getComputedStyle(m).display, getComputedStyle(m).padding, getComputedStyle(m).borderLeftWidth])",
    )
    assert {tuple(style) for style in styles} == {("inline", "0px", "0px")}


def test_a_post_in_two_scripts_runs_line_by_line(page, tmp_path, toolkit):
    text = "Heavy shelling reported in the city of Homs today\nقصف عنيف على مدينة حمص اليوم والناس في الملاجئ"
    loaded = dataset(tmp_path / "data", {"x": [text]}, toolkit)
    assert loaded.posts()["language"].tolist() == ["mul"]
    path = tmp_path / "r.html"
    path.write_text(make(loaded), encoding="utf-8")
    show(page, path)
    at = page.evaluate(
        """() => { const text = document.querySelector('.card .text'), box = text.getBoundingClientRect();
          const range = document.createRange(); range.selectNodeContents(text);
          const lines = [...range.getClientRects()];
          const edge = (top, side) => { const own = lines.filter(line => Math.abs(line.top - top) < 12);
            return side === 'left' ? Math.min(...own.map(line => line.left)) - box.left : box.right - Math.max(...own.map(line => line.right)); };
          const tops = lines.map(line => line.top);
          return [edge(Math.min(...tops), 'left'), edge(Math.max(...tops), 'right')]; }"""
    )
    assert at[0] < 3  # the English line begins at the left
    assert at[1] < 3  # the Arabic one at the right


def test_hostile_posts_are_text_and_disturb_nothing(opened, loaded):
    pick(opened, "sources", "gamma")
    texts = opened.eval_on_selector_all(".card .text", "all => all.map(text => text.textContent)")
    assert len(texts) == len(HOSTILE)
    assert HOSTILE[0] in texts
    assert HOSTILE[1] in texts
    assert HOSTILE[3] in texts
    assert "أمس RLO gnp.exe LRO في إدلب LRI open RLI for ever" in texts
    assert any("U+0000U+0007U+001B[31m" in text for text in texts)
    assert opened.locator(".card script, .card img").count() == 0
    assert opened.evaluate("typeof window.taken") == "undefined"
    assert opened.title() == "What the posts tell"
    heads = opened.eval_on_selector_all(
        ".card-head", "all => all.map(head => getComputedStyle(head).direction)"
    )
    assert set(heads) == {"ltr"}
    emoji = opened.locator(".card", has_text="👩‍👩‍👧‍👦").locator(".m").all_inner_texts()
    assert emoji == ["إدلب", "أمس"]
    assert opened.problems == []


def test_what_the_filters_leave_can_be_saved(opened, loaded):
    pick(opened, "sources", "gamma")
    with opened.expect_download() as download:
        opened.click("#save")
    raw = Path(download.value.path()).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    saved = pd.read_csv(io.BytesIO(raw), keep_default_na=False)
    posts = loaded.posts(source="gamma")
    assert sorted(saved["post_id"]) == sorted(posts["post_id"])
    texts = {text.replace("\r", "") for text in saved["text"]}
    assert HOSTILE[0] in texts
    assert "'=cmd|' /C calc'!A0 Homs" in texts  # a formula is text
    assert (
        download.value.suggested_filename == f"marsad-version-{int(loaded.version)}-{len(HOSTILE)}-posts.csv"
    )
    places = (
        loaded.places(source="gamma")
        .groupby("post_id")["name"]
        .agg(lambda names: "; ".join(dict.fromkeys(names)))
    )
    assert saved.set_index("post_id")["places"].loc[lambda told: told != ""].to_dict() == places.to_dict()


def test_how_words_were_read_is_told_on_focus_and_by_the_keyboard(opened, loaded):
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    opened.keyboard.press("Enter")
    reached = None
    for _ in range(60):
        opened.keyboard.press("Tab")
        reached = opened.evaluate(
            "document.activeElement.classList.contains('m') ? document.activeElement.textContent : null"
        )
        if reached:
            break
    assert reached
    assert opened.locator("#tip").is_visible()
    assert opened.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    assert re.search(r"EDTF|is a place", opened.inner_text("#tip"))
    opened.keyboard.press("Enter")
    assert shown(opened) < len(loaded.posts())
    opened.keyboard.press("Escape")
    assert not opened.locator("#tip").is_visible()
    opened.focus("#chips button")
    opened.keyboard.press("Enter")
    assert shown(opened) == len(loaded.posts())
    opened.focus("#map")
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("+")
    opened.keyboard.press("0")
    opened.focus("#sources button")
    opened.keyboard.press(" ")
    assert (
        opened.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    )  # the focus stays on the row
    assert shown(opened) < len(loaded.posts())
    assert opened.problems == []


def test_candidates_are_told(opened, loaded):
    unsure = loaded.places()[lambda places: places["ambiguous"] & (places["candidates"].map(len) > 1)]
    if unsure.empty:
        pytest.fail("the texts of this test hold no ambiguous place")
    first = unsure.iloc[0]
    search(opened, first["post_id"])
    opened.locator(".card .m.open").first.focus()
    told = opened.inner_text("#tip")
    assert "Not sure which" in told
    assert all(one["name"] in told for one in first["candidates"][:3])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing(opened, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme=scheme)
    opened.click("#time-table summary")
    opened.locator("#places button").first.click()
    opened.locator(".card .m").first.focus()
    found = Axe().run(opened).response
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found["violations"]] == []
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_switch_of_colors(opened):
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = opened.evaluate(paper)
    opened.click("text=Dark")
    dark = opened.evaluate(paper)
    assert light != dark
    opened.emulate_media(media="print")
    assert opened.evaluate(paper) == "rgb(255, 255, 255)"
    opened.emulate_media(media="screen")
    opened.click("text=Light")
    assert opened.evaluate(paper) == light


def test_a_dataset_without_posts(page, tmp_path, toolkit):
    found = dataset(tmp_path / "data", {"empty": []}, toolkit)
    path = tmp_path / "r.html"
    path.write_text(make(found), encoding="utf-8")
    show(page, path)
    assert page.inner_text("#count") == "0 of 0 posts"
    assert "This dataset holds no posts" in page.inner_text("#cards")
    assert not page.locator("#time-head").is_visible()
    assert page.problems == []


def test_one_post_without_places_and_time(page, tmp_path, toolkit):
    found = dataset(tmp_path / "data", {"x": [], "y": [], "z": ["صباح الخير"]}, toolkit)
    path = tmp_path / "r.html"
    path.write_text(make(found), encoding="utf-8")
    show(page, path)
    assert page.inner_text("#count") == "1 of 1 post"
    assert "time not known" in page.inner_text(".card-head")
    assert page.inner_text("#map-note") == "No post names a place."
    assert page.problems == []


def test_many_sources_and_their_health(page, tmp_path, toolkit):
    loaded = dataset(
        tmp_path / "data", {f"source_{number:02}": ["قصف على حماة"] for number in range(30)}, toolkit
    )
    health = [
        Health(source="source_00", state="failed", error="the export is <b>gone</b>"),
        Health(source="source_01", state="published"),
    ]
    path = tmp_path / "r.html"
    path.write_text(make(loaded, health=health, most=20), encoding="utf-8")
    show(page, path)
    assert "a sample of 20 of the dataset’s 30 posts" in page.inner_text("#notice")
    assert page.locator("#sources button").count() == 12
    assert sum(number for _, number in rows(page, "sources")) == 20
    told = dict(
        zip(
            page.locator("#sources button bdi").all_inner_texts(),
            page.locator("#sources .health").all_inner_texts(),
            strict=True,
        )
    )
    assert "✕ failed" in told["source_00"]
    assert "the export is <b>gone</b>" in told["source_00"]
    assert "✓ well" in told["source_01"]
    assert page.problems == []
