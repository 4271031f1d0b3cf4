"""config.yaml to a `Config`: every mistake of a file is told at once, each with its line and its key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.checks import nearest, shown
from pipeline.config.models import Config, Engine, Gazetteer, Mail, OnFailure, ReadingLimits
from pipeline.config.source import Dates, Expect, Retention, Source
from pipeline.config.yaml_tree import Key, Problem, Tree
from pipeline.errors import ConfigError
from pipeline.readers import COLUMNS, READERS

SIZE_LIMIT: Final = 1_000_000  # bytes; a configuration is written by hand


def load(path: str | Path = "config.yaml", environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in `path`.

    Raises `ConfigError` with one line for every mistake.
    """
    path = Path(path).absolute()
    return parse(_text(path), path, environment)


def parse(text: str, path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in a text, as if it stood in `path`, which is absolute; raises as `load` does."""
    try:
        tree = Tree(text)
    except yaml.MarkedYAMLError as refused:
        mark = refused.problem_mark or refused.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path.name}:{line}: not YAML: {refused.problem or refused.context}") from None
    except yaml.YAMLError as refused:
        raise ConfigError(f"{path.name}:1: not YAML: {str(refused).splitlines()[0]}") from None
    problems = list(tree.problems)
    config = None
    try:
        config = Config.model_validate(tree.data, context={"folder": path.parent})
    except ValidationError as refused:
        # pydantic counts the good entries only: a list of bad ones is "too short" besides
        errors = [e for e in refused.errors(include_url=False) if e["type"] != "too_short" or not e["input"]]
        problems += [_problem(error, tree) for error in errors]
    problems += _twice(tree)
    problems += _no_columns(tree)
    if config is None or problems:
        raise ConfigError(_told(path, problems))
    usual = config.dates
    sources = tuple(one.model_copy(update={"dates": one.dates.over(usual)}) for one in config.sources)
    config = config.model_copy(update={"sources": sources})
    if environment.get("MARSAD_DATASET"):
        dataset = Path(environment["MARSAD_DATASET"]).expanduser().resolve()
        config = config.model_copy(update={"dataset": dataset})
    config._path = path
    config._lines = tree.lines
    return config


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise ConfigError(f"{path}: larger than {SIZE_LIMIT:,} bytes; this is not a configuration")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"no configuration {path}; name one with --config FILE") from None
    except OSError as refused:
        raise ConfigError(f"configuration {path} cannot be read: {refused.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        line = raw[: refused.start].count(b"\n") + 1
        raise ConfigError(f"{path.name}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _told(path: Path, problems: Iterable[Problem]) -> str:
    lines = [
        f"{path.name}:{at.line}: {at.key + ': ' if at.key else ''}{at.message}"
        for at in sorted(set(problems))
    ]
    return lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} mistakes in {path}:", *lines])


def _sources(tree: Tree) -> Iterator[tuple[int, dict[str, Any]]]:
    sources = tree.data.get("sources") if isinstance(tree.data, dict) else None
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(source, dict):
            yield index, source


def _twice(tree: Tree) -> Iterator[Problem]:
    """Two sources of one name; names that differ in case only would share files on some disks."""
    first: dict[str, int] = {}
    for index, source in _sources(tree):
        name = source.get("name")
        if isinstance(name, str):
            key: Key = ("sources", index, "name")
            if name.lower() in first:
                yield tree.problem(
                    key, f"{name!r} is the name of two sources, see line {first[name.lower()]}"
                )
            first.setdefault(name.lower(), tree.line(key))


def _no_columns(tree: Tree) -> Iterator[Problem]:
    """A reader of tables that is not told which column is what."""
    for index, source in _sources(tree):
        name, columns = source.get("reader"), source.get("columns") or {}
        reader = READERS.get(name) if isinstance(name, str) else None
        if reader and reader.needs_columns and isinstance(columns, dict):
            missing = [key for key in ("text", "posted_at") if key not in columns]
            if missing == ["posted_at"] and "posted_date" in columns:
                continue
            if missing:
                what = (
                    f"the reader {name!r} needs {' and '.join(missing)}, such as columns: {{text: Message}}"
                )
                yield tree.problem(("sources", index, "columns"), what)


def _problem(error: ErrorDetails, tree: Tree) -> Problem:
    key: Key = error["loc"]
    value, kind, limits = error["input"], error["type"], error.get("ctx", {})
    told = shown(value)
    message = error["msg"]
    if kind == "extra_forbidden":
        allowed = list(_model(key[:-1]).model_fields)
        name = str(key[-1])
        message = f"unknown key {name!r}{nearest(name, allowed)}; allowed: {', '.join(allowed)}"
    elif kind == "missing":
        message = f"the key {key[-1]!r} is missing"
    elif kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(limits["expected"]))
        message = f"{told} is not allowed{nearest(str(value), allowed)}; allowed: {', '.join(allowed)}"
    elif kind == "string_type":
        quoted = f'; write it in quotes: "{value}"' if type(value) in (int, float) else ""
        message = f"{told} is not text{quoted}"
    elif kind in ("string_too_short", "too_short"):
        message = f"{told} is empty; at least one is needed"
    elif kind in ("model_type", "dict_type", "model_attributes_type"):
        inside = list(_model(key).model_fields) if kind != "dict_type" else list(COLUMNS)
        message = f"{told} is not a set of keys and values; allowed keys: {', '.join(inside)}"
    elif kind in ("tuple_type", "list_type"):
        message = f"{told} is not a list"
    elif kind in ("int_type", "int_parsing", "int_from_float"):
        message = f"{told} is not a whole number"
    elif kind in ("float_type", "float_parsing"):
        message = f"{told} is not a number; allowed: 0 to 1"
    elif kind in ("greater_than_equal", "less_than_equal"):
        message = f"{told} is out of range; allowed: {'0 to 1' if key[-1] != 'min_posts' else '0 or more'}"
    return tree.problem(key, message)


def _model(key: Key) -> type[BaseModel]:
    inner: dict[str | int, type[BaseModel]] = {
        "engine": Engine,
        "gazetteer": Gazetteer,
        "limits": ReadingLimits,
        "expect": Expect,
        "retention": Retention,
        "dates": Dates,
        "on_failure": OnFailure,
        "mail": Mail,
    }
    if not key:
        return Config
    return inner.get(key[-1], Source)
