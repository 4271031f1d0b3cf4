"""The programs of examples/ do what the page says, where what they need is installed."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import pipeline

EXPECTED = {("a", "sy-hama-hama"), ("b", "sy-homs-homs"), ("b", "sy-idlib-idlib")}


@pytest.mark.usefixtures("toolkit")
@pytest.mark.parametrize(("package", "script"), [("pyspark", "spark_places.py"), ("ray", "ray_places.py")])
def test_places_on_a_cluster_of_others(root: Path, tmp_path: Path, cache: Path, package, script) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(
            f"{package} is not installed; it is large, and the tests of the package do not ask for it"
        )
    if package == "pyspark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    posts = {
        "id": ["a", "b", "c"],
        "text": ["قصف على حماة", "من حمص إلى إدلب", "لا شيء هنا"],
        "published_at": pd.to_datetime(["2014-03-05", "2014-03-06", "2014-03-07"], utc=True),
    }
    pd.DataFrame(posts).to_parquet(tmp_path / "posts.parquet")
    environment = {
        **os.environ,
        "MARSAD_CACHE": str(cache),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(root), *sys.path]),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    words = [sys.executable, str(root / "examples" / script), "posts.parquet", "places"]
    done = subprocess.run(words, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = pd.read_parquet(tmp_path / "places")
    assert set(zip(found.id, found.place_id, strict=True)) == EXPECTED
    assert found.lat.between(34, 37).all()


def test_the_package_travels_by_name() -> None:
    """A function that uses it can be sent to other machines."""
    cloudpickle = pytest.importorskip("cloudpickle")

    def read(texts):
        return pipeline.annotate(texts)

    sent = cloudpickle.dumps(read)
    assert len(sent) < 2000
    assert pickle.loads(cloudpickle.dumps(pipeline)) is pipeline
    assert callable(pickle.loads(sent))
