"""What hostile input and careless code must not be able to do, beside the tests of readers and configuration."""

from __future__ import annotations

import ast
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.annotate import annotate, text_post
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.jobs.masking import mask_texts
from pipeline.jobs.suppression import ids_in, values
from pipeline.language import detect
from pipeline.readers.printed_times import read_time
from pipeline.text import clean_batch, find_marks, normalize_batch, tokenize

SIZE = 200_000  # code points
UNITS = (
    *(
        "a",
        " ",
        "0",
        "@",
        "-",
        "\n",
        "\N{ARABIC LETTER ALEF}",
        "a ",
        "0 ",
        "0-",
        "a.",
        "http://",
        "a@",
        "+963 ",
        "(",
    ),
    *(
        "#a_",
        "\N{RIGHT-TO-LEFT MARK}",
        "1/",
        "\N{ARABIC-INDIC DIGIT ONE}/",
        '"',
        "a,b;",
        "\N{ARABIC TATWEEL}",
    ),
)


def _texts(texts: list[str], _: object) -> None:
    for text in texts:
        tokens = tokenize(normalize_batch([text]), find_marks([text]))
        clean_batch([text])
        detect(tokens)


def _times(texts: list[str], _: object) -> None:
    for text in texts:
        with suppress(ValueError):
            read_time(text, None, None, "dmy")


def _protection(texts: list[str], _: object) -> None:
    for text in texts:
        mask_texts([text], ("phones", "handles", "emails"))
        list(values(text))
        list(ids_in(text))


def _posts(texts: list[str], toolkit: Any) -> None:
    posts = [text_post(1, text[: SIZE // 8], datetime(2016, 1, 1, tzinfo=UTC), "UTC") for text in texts]
    for post in posts:
        assert annotate([post], toolkit)[0].fault is None


@pytest.mark.parametrize("work", [_texts, _times, _protection, _posts])
def test_no_text_makes_us_hang(work: Callable[[list[str], Any], None], toolkit: Any) -> None:
    """Long runs of whatever our patterns may repeat, in a process that may use a minute of its own time.

    Work that grows with the square of a text would take hours; it takes a second or two.
    """
    texts = [unit * (SIZE // len(unit)) + "!" for unit in UNITS]
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
            work(texts, toolkit)
            os._exit(0)
        except BaseException as wrong:  # noqa: BLE001
            print(repr(wrong)[:2000], file=sys.stderr)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


IMPORTS = {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib", "cloudpickle"}
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "allow_pickle",
    "read_pickle",
    "to_pickle",
    "system",
    "popen",
}
KNOWN = {("re", "compile"), ("importlib", "import_module")}


def test_no_pickles_and_no_code_from_data(root: Path) -> None:
    """Nothing on disk is unpickled, and nothing that is read becomes code.

    Our own processes speak through pipes that only they hold; there the work that a worker opens is pickled.
    """
    paths = sorted((root / "pipeline").rglob("*.py"))
    assert len(paths) > 100
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name.partition(".")[0] for alias in node.names]
                assert not IMPORTS.intersection(names), f"{path}:{node.lineno}"
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in IMPORTS, f"{path}:{node.lineno}"
            elif isinstance(node, ast.Call):
                shell = [one for one in node.keywords if one.arg in {"shell", "allow_pickle"}]
                assert not [one for one in shell if getattr(one.value, "value", True)], (
                    f"{path}:{node.lineno}"
                )
                if isinstance(node.func, ast.Name):
                    assert node.func.id not in CALLS, f"{path}:{node.lineno}"
                elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                    called = (node.func.value.id, node.func.attr)
                    assert called in KNOWN or called[1] not in CALLS, f"{path}:{node.lineno} {called}"


def test_no_setting_is_a_pattern_of_the_user(root: Path) -> None:
    """A pattern of a user would have to go through RE2; there is none: files are named by globs."""
    schema = json.dumps(_schema())
    for word in ("regex", "regexp", '"format": "regex"'):
        assert word not in schema.lower()


def _schema() -> dict[str, object]:
    from pipeline.config import Config

    return Config.model_json_schema()


def configured(folder: Path, pattern: str = "exports/*.json") -> Path:
    (folder / "exports").mkdir(exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(f"sources:\n  - {{name: a, files: '{pattern}'}}\n", encoding="utf-8")
    return path


def test_a_link_out_of_the_folder_of_exports_is_refused(tmp_path: Path) -> None:
    config = load(configured(tmp_path))
    (tmp_path / "secret.json").write_text("{}")
    inside = tmp_path / "exports" / "b.json"
    inside.write_text("{}")
    (tmp_path / "exports" / "again.json").symlink_to(inside)  # within the folder: as good as a file
    assert len(config.find_files(config.sources[0])) == 2
    (tmp_path / "exports" / "a.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ConfigError, match=r"a\.json is a link that leads out"):
        config.find_files(config.sources[0])


def test_a_folder_that_is_a_link_is_the_folder(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.json").write_text("{}")
    path = tmp_path / "config.yaml"
    path.write_text("sources:\n  - {name: a, files: 'mounted/*.json'}\n", encoding="utf-8")
    (tmp_path / "mounted").symlink_to(tmp_path / "disk")
    config = load(path)
    assert [file.name for file in config.find_files(config.sources[0])] == ["a.json"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources: !!python/object/apply:os.system ['true']\n", "the tag"),
        ("a: &x [1, 2]\nb: &y [*x, *x]\nsources: [*y, *y]\n", "alias"),
        ("sources:\n" + "".join(" " * depth + "- \n" for depth in range(0, 80, 2)), "20 levels"),
        ("# " + "x" * 1_000_000, "larger than"),
    ],
)
def test_a_hostile_configuration_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load(path)
