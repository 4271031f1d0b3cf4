"""What several rooms' tests share: one compiled gazetteer a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import browser, page  # noqa: F401  fixtures
from hypothesis import settings

# Nothing is timed in tests, and what CI looks at must not change from one run of the same code to the next.
settings.register_profile("marsad", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("marsad")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def no_layers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder of gazetteer layers: tests must not see what the developer has added."""
    folder = tmp_path_factory.mktemp("gazetteer")
    before = os.environ.get("MARSAD_GAZETTEER")
    os.environ["MARSAD_GAZETTEER"] = str(folder)
    yield folder
    if before is None:
        del os.environ["MARSAD_GAZETTEER"]
    else:
        os.environ["MARSAD_GAZETTEER"] = before


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gazetteer cache that lives as long as the test session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def toolkit(cache: Path):
    from pipeline.annotate import Settings, Toolkit

    return Toolkit.open(Settings(cache=str(cache), home=("SY", "LB", "IQ", "TR")))
