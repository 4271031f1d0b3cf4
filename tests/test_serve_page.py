"""The operators' page in a real browser: it shows what is, runs what is asked, and shows texts as texts."""

# ruff: noqa: F811  a fixture is imported by its name, and asked for by it
from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from serving import SCRIPT, House, Server, house  # noqa: F401

from pipeline.jobs.pause import paused
from pipeline.jobs.progress import Progress, noting
from pipeline.storage.dataset import Dataset

PATIENCE = 60_000  # ms; a run on a busy machine takes its time


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    with house.serving() as server:
        yield server


@pytest.fixture
def shown(page: Any, server: Server) -> Any:
    """The page with its sources; at the end nothing was wrong in the browser, and nobody else was asked."""
    page.set_default_timeout(PATIENCE)
    page.goto(server.address)
    page.wait_for_selector("#source-a")
    yield page
    assert page.problems == []
    assert [asked for asked in page.asked if not asked.startswith(server.address)] == []


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def renew(page: Any) -> None:
    """Let the page ask now, as it does when it comes into sight."""
    page.evaluate("() => { document.dispatchEvent(new Event('visibilitychange')); }")


def wait_for_text(page: Any, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)",
        arg=[selector, text],
    )


def test_the_sources_and_what_they_hold(shown: Any) -> None:
    cells = shown.locator("#source-a tr").first.locator("th, td").all_inner_texts()
    assert cells[0].splitlines() == ["a", "auto, Asia/Damascus"]
    assert cells[1] == "published"
    assert "no scheduler runs" in cells[3]
    assert cells[4:6] == ["9", "1"]
    assert "at least 5 posts" in cells[6]
    assert "at most 50% rejected: 10%" in cells[6]
    assert shown.locator("#source-c .state").inner_text() == "never"
    assert shown.locator("#sums").inner_text() == "3 sources, 14 posts, 1 rejected row"


def test_a_source_is_rerun_by_its_button_and_seen_to_finish(shown: Any, house: House) -> None:
    before = Dataset(house.dataset).current().number
    button(shown, "Rerun… b").click()
    dialog = shown.locator("#rerun")
    assert dialog.get_by_role("heading").inner_text() == "Rerun b"
    dialog.get_by_label("First day").fill("2014-03-04")
    assert dialog.locator("code").inner_text() == "marsad rerun b --since 2014-03-04"
    dialog.get_by_role("button", name="Rerun").click()
    wait_for_text(shown, "#source-b .state", "running")
    assert button(shown, "Run b").get_attribute("aria-disabled") == "true"
    assert button(shown, "Stop b").is_visible()
    wait_for_text(shown, "#source-b .state", "published")
    wait_for_text(shown, "#said", "marsad rerun b --since 2014-03-04: done at ")
    assert button(shown, "Run b").get_attribute("aria-disabled") is None
    wait_for_text(shown, "#version", f"version {before + 1}")
    assert Dataset(house.dataset).current().number == before + 1
    shown.get_by_role("link", name="History").click()
    wait_for_text(shown, "#history-rows tr", "rerun")
    row = shown.locator("#history-rows tr").first.locator("th, td").all_inner_texts()
    assert (row[1], row[2], row[3], row[5], row[8], row[9]) == ("b", "rerun", "published", "5", "0", "5")


def test_progress_of_any_process_appears_and_goes(shown: Any, house: House) -> None:
    with noting(house.dataset, "run", None) as tell:
        tell(Progress("c", files=4, files_done=1, size=1000, size_done=250, rows=1234))
        renew(shown)
        wait_for_text(shown, "#source-c .detail", "1 of 4 files · 1,234 rows read")
        assert shown.locator("#source-c progress").get_attribute("value") == "25"
        assert "run by process" in shown.locator("#source-c .detail").inner_text()
        assert shown.locator("#source-c .state").inner_text() == "running"
        assert not button(shown, "Stop c").is_visible()  # this page did not start it
    wait_for_text(shown, "#source-c .state", "never")
    assert not shown.locator("#source-c .detail").is_visible()


def test_a_locked_dataset_is_told_with_who_holds_it(shown: Any, house: House) -> None:
    with Dataset(house.dataset).writer("the test"):
        button(shown, "Run c").click()
        wait_for_text(shown, "#source-c .detail", "is being written by the test (process ")
    assert "marsad run c: locked." in shown.locator("#source-c .problem").inner_text()
    assert "Try again" in shown.locator("#source-c .detail").inner_text()


def test_rejected_rows_are_shown_as_text(shown: Any) -> None:
    shown.get_by_role("link", name="1 rejected row of a").click()
    raw = shown.locator("#rejected-rows pre")
    raw.wait_for()
    title = shown.title()
    assert title == "Rejected rows · marsad"
    assert SCRIPT.partition(" \N{RIGHT-TO-LEFT OVERRIDE}")[0] in raw.inner_text()
    assert raw.locator("script").count() == 0
    assert raw.locator(".control").all_inner_texts() == ["U+202E"]
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in raw.inner_text()
    assert raw.evaluate("element => getComputedStyle(element).unicodeBidi") == "isolate"
    assert raw.get_attribute("dir") == "auto"
    row = shown.locator("#rejected-rows tr").first.inner_text()
    assert "no_time" in row
    assert shown.locator("#rejected-count").inner_text() == "rows 1 to 1 of 1"
    assert shown.locator("select[name=source]").last.input_value() == "a"


def test_rows_are_replayed_by_a_button(shown: Any) -> None:
    shown.goto(shown.url.partition("#")[0] + "#rejected/a")
    button(shown, "Replay").click()
    wait_for_text(shown, "#said", "marsad rejected a --replay: done at ")
    shown.get_by_role("link", name="Sources").click()
    wait_for_text(shown, "#source-a .detail", "1 rows are rejected as before")


def test_pause_is_asked_for_shown_and_honoured(shown: Any, house: House) -> None:
    button(shown, "Pause… a").click()
    shown.locator("#pause").get_by_label("Why").fill("نسخة <b>جديدة</b>")
    shown.locator("#pause").get_by_role("button", name="Pause").click()
    wait_for_text(shown, "#source-a", "نسخة <b>جديدة</b>")
    assert paused(house.dataset)["a"].why == "نسخة <b>جديدة</b>"
    schedule = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "schedule"],
        cwd=house.folder, env=house.environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for_text(shown, "#scheduler", "scheduler: up")
        assert "paused" in shown.locator("#source-a").inner_text()
        button(shown, "Resume a").click()
        wait_for_text(shown, "#said", "a: resumed")
        wait_for_text(shown, "#source-a td:nth-of-type(3)", "UTC")
        assert paused(house.dataset) == {}
    finally:
        schedule.send_signal(signal.SIGTERM)
        schedule.communicate(timeout=30)
    wait_for_text(shown, "#scheduler", "scheduler: none")


def test_dialogs_are_left_by_the_keyboard_without_a_deed(shown: Any) -> None:
    button(shown, "Rerun… c").focus()
    shown.keyboard.press("Enter")
    shown.locator("#rerun").get_by_label("Last day").fill("2014-03-01")
    shown.locator("#rerun").get_by_label("First day").fill("2014-03-02")
    shown.locator("#rerun").get_by_role("button", name="Rerun").click()
    assert shown.locator("#rerun").is_visible()  # the days are turned round
    shown.keyboard.press("Escape")
    assert not shown.locator("#rerun").is_visible()
    assert shown.evaluate("document.activeElement.getAttribute('aria-label')") == "Rerun… c"
    assert shown.locator("#source-c .state").inner_text() == "never"


def test_focus_stays_where_it_is_while_the_page_is_renewed(shown: Any) -> None:
    button(shown, "Replay b").focus()
    for _ in range(2):
        with shown.expect_response("**/api/state"):
            renew(shown)
    assert shown.evaluate("document.activeElement.getAttribute('aria-label')") == "Replay b"


def test_health_says_what_the_command_says(shown: Any, house: House) -> None:
    shown.get_by_role("link", name="Health").click()
    shown.wait_for_selector("#health-rows tr")
    rows = shown.locator("#health-rows th").all_inner_texts()
    assert rows == ["source a", "source b", "source c", "dataset", "ledger", "disk"]


def test_the_report_is_behind_a_tab_and_locked_in(shown: Any, server: Server) -> None:
    shown.get_by_role("link", name="Report").click()
    wait_for_text(shown, "#report-state", "is being made")
    shown.get_by_text(re.compile(r"^Version \d+, as of ")).wait_for()
    frame = shown.frame(url="**/report")
    assert "حماة" in frame.locator("body").inner_text()
    assert frame.evaluate("origin") == "null"
    assert frame.evaluate("fetch('/api/state').then(() => 'came through', () => 'refused')") == "refused"
    shown.problems.clear()  # the browser tells of what it refused
    _, headers, _ = server.ask("GET", "/report")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert "frame-ancestors 'self'" in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_for_the_accessibility_checker_to_find(shown: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    shown.emulate_media(color_scheme=scheme)
    source = shown.url.partition("#")[0]
    found = []
    for name in ("sources", "history", "rejected", "health"):
        shown.goto(f"{source}#{name}")
        shown.wait_for_timeout(300)
        results = Axe().run(shown)
        found += [f"{name}: {one['id']}: {one['nodes'][0]['html']}" for one in results.response["violations"]]
    shown.goto(f"{source}#sources")
    button(shown, "Rerun… a").click()
    found += [
        f"rerun: {one['id']}: {one['nodes'][0]['html']}" for one in Axe().run(shown).response["violations"]
    ]
    assert found == []


def test_the_token_is_asked_for_in_a_form(page: Any, house: House) -> None:
    with house.serving("--token-file", str(house.folder / "token")) as server:
        page.goto(server.address)
        assert page.url == f"{server.address}login"
        page.get_by_label("Token").fill("a wrong one")
        page.keyboard.press("Enter")
        page.get_by_text("This is not the token.").wait_for()
        page.get_by_label("Token").fill((house.folder / "token").read_text().strip())
        page.keyboard.press("Enter")
        page.wait_for_selector("#source-a")
        assert page.evaluate("document.cookie") == ""
        button(page, "Pause… c").click()
        page.locator("#pause").get_by_role("button", name="Pause").click()
        wait_for_text(page, "#said", "c: paused")
        button(page, "Resume c").click()
        wait_for_text(page, "#said", "c: resumed")
        button(page, "Log out").click()
        page.get_by_label("Token").wait_for()
        page.goto(server.address)
        assert page.url == f"{server.address}login"
