"""What several rooms' tests share: one compiled gazetteer a session."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gazetteer cache that lives as long as the test session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def toolkit(cache: Path):
    from pipeline.annotate import Settings, Toolkit

    return Toolkit.open(Settings(cache=str(cache), home=("SY", "LB", "IQ", "TR")))
