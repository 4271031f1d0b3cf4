"""A source added to config.yaml as text: comments and everything else stay byte for byte."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.config.loading import load, parse
from pipeline.config.models import Config
from pipeline.errors import ConfigError
from pipeline.storage.durable import replace_file

_FIRST = """\
# What to read, where it is, and where the dataset goes; docs/config.md names every key.

dataset: data

sources:
"""


def with_source(path: Path, block: str) -> tuple[str, Config]:
    """The configuration's text with one more source at the end of `sources:`, and what it says then.

    `block` begins with its dash, without indentation.  Where there is no file, a small one is made up.
    Raises `ConfigError` where the result would not say exactly what was said before and the new source.
    """
    path = path.absolute()
    if not path.exists():
        text = _FIRST + _indented(block, 2, "\n")
        return text, parse(text, path)
    before = load(path)
    old = path.read_bytes().decode("utf-8")  # a mark at the beginning stays
    mark, text = ("\ufeff", old[1:]) if old.startswith("\ufeff") else ("", old)
    text = mark + _inserted(text, block, path)
    after = parse(text.removeprefix("\ufeff"), path)
    same = after.model_copy(update={"sources": after.sources[:-1]}).model_dump() == before.model_dump()
    if not same or len(after.sources) != len(before.sources) + 1:
        raise ConfigError(
            f"{path.name}: the source cannot be put in without changing others; paste it:\n{block}"
        )
    return text, after


def add_source(path: Path, block: str) -> Config:
    """Put a source into the configuration in one step; see `with_source`."""
    path = path.absolute()
    before = path.read_bytes() if path.exists() else None
    text, config = with_source(path, block)
    if before is not None and path.read_bytes() != before:
        raise ConfigError(f"{path.name} was changed meanwhile; try again")
    target = path.resolve()
    mode = target.stat().st_mode if before is not None else None
    replace_file(target, text.encode("utf-8"))
    if mode is not None:
        target.chmod(mode & 0o7777)
    return config


def _inserted(text: str, block: str, path: Path) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = [value for name, value in pairs if name.value == "sources"]
    if len(found) != 1 or not isinstance(found[0], yaml.SequenceNode) or found[0].flow_style:
        raise ConfigError(
            f"{path.name}: sources: is not a list with one dash for each source; paste it:\n{block}"
        )
    items = found[0].value
    dash = text.rindex("-", 0, items[-1].start_mark.index)
    indent = dash - (text.rfind("\n", 0, dash) + 1)
    end = _end_of(text, items[-1], indent)
    line = "\r\n" if "\r\n" in text else "\n"
    head = text[:end]
    if not head.endswith("\n"):
        head += line
    spaced = len(items) < 2 or _is_blank_before(text, text.rindex("-", 0, items[-1].start_mark.index))
    return head + (line if spaced else "") + _indented(block, indent, line) + text[end:]


def _end_of(text: str, item: yaml.Node, indent: int) -> int:
    """Where the lines of the last item end, with comments that stand deeper than its dash."""
    last = item
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    end = last.end_mark.index
    while end > 0 and text[end - 1] in "\r\n \t":  # a block of text ends where the next line begins
        end -= 1
    end = _line_end(text, end)
    at = end
    while at < len(text):
        after = _line_end(text, at)
        told = text[at:after].strip()
        if told.startswith("#") and len(text[at:after]) - len(text[at:after].lstrip(" ")) > indent:
            end = after
        elif told:
            break
        at = after
    return end


def _line_end(text: str, at: int) -> int:
    """The place behind the line feed of a line."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _is_blank_before(text: str, dash: int) -> bool:
    """Whether an item has an empty line, or comments behind one, above it."""
    lines = text[: text.rfind("\n", 0, dash) + 1].splitlines()
    while lines and lines[-1].strip().startswith("#"):
        lines.pop()
    return not lines or not lines[-1].strip()


def _indented(block: str, indent: int, line: str) -> str:
    return "".join(f"{' ' * indent}{one}{line}" for one in block.splitlines())
