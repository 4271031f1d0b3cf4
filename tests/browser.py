"""A headless Chromium for the tests of what people look at; where there is none they skip, and in CI they fail.

The fixtures are known to all tests: conftest.py imports them, once, since there can be but one browser tool.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser's executable: MARSAD_BROWSER, else one on the path, else playwright's own; None without any."""
    told = os.environ.get("MARSAD_BROWSER")
    if told:
        return told
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as tool:
        own = tool.chromium.executable_path
    return own if Path(own).exists() else None


def missing(what: str) -> None:
    """Skip the test, or fail it in CI, where a browser has to be."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{what}; set MARSAD_BROWSER to a Chromium")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests of a session."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    executable = chromium()
    if executable is None:
        missing("no Chromium found")
    with sync_playwright() as tool:
        made = tool.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page in a context of its own; `page.problems` lists console errors, exceptions and failed requests,
    `page.asked` the addresses of all requests."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = context.new_page()
    made.problems = []
    made.asked = []
    made.on(
        "console", lambda said: made.problems.append(said.text) if said.type in {"error", "warning"} else None
    )
    made.on("pageerror", lambda error: made.problems.append(str(error)))
    made.on("requestfailed", lambda request: made.problems.append(f"{request.url}: {request.failure}"))
    made.on("request", lambda request: made.asked.append(request.url))
    yield made
    context.close()
