"""The lock files serve pyproject.toml: each requirement is there, in a version that it allows, with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IN_EXTRAS = ["cluster", "export", "geo", "remote", "report", "serve"]


def _wanted(extras: list[str]) -> list[Requirement]:
    lines = PROJECT["dependencies"] + [
        line for extra in extras for line in PROJECT["optional-dependencies"][extra]
    ]
    return [Requirement(line) for line in lines]


def _locked(name: str) -> dict[str, list[Version]]:
    """Versions of each package in a lock; several where they depend on the Python."""
    found: dict[str, list[Version]] = {}
    for package, version in re.findall(r"^([a-z0-9.-]+)==([^ ]+)", (ROOT / "locks" / name).read_text(), re.M):
        found.setdefault(package, []).append(Version(version))
    return found


@pytest.mark.parametrize(("name", "extras"), [("core.txt", []), ("extras.txt", IN_EXTRAS)])
def test_every_requirement_is_locked_in_a_version_that_it_allows(name: str, extras: list[str]) -> None:
    locked = _locked(name)
    for wanted in _wanted(extras):
        versions = locked.get(re.sub(r"[-_.]+", "-", wanted.name).lower())
        assert versions, f"{wanted} is not in locks/{name}; run: make lock"
        for version in versions:
            assert wanted.specifier.contains(version), f"{wanted.name}=={version}; run: make lock"


@pytest.mark.parametrize("name", ["core.txt", "extras.txt"])
def test_every_locked_package_has_hashes(name: str) -> None:
    for entry in re.split(r"^(?=[a-z0-9])", (ROOT / "locks" / name).read_text(), flags=re.M)[1:]:
        assert "--hash=sha256:" in entry, entry
