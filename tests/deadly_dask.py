"""Preloaded by the Dask workers of the tests: their work dies of some texts (`deadly_work`)."""

from __future__ import annotations

from deadly_work import open_annotator

from pipeline.jobs import engine_dask_worker


def dask_setup(worker) -> None:
    engine_dask_worker.annotator = open_annotator
