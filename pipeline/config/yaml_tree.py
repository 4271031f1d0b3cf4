"""The plain part of YAML to plain data, with the line of every key.

No aliases, no tags, no key twice, and nothing that reads as one thing and means another (`no` is a word,
`12:30` is a word, `010` is a word; numbers are decimal and only `true` and `false` are booleans).
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from msgspec import Struct

DEPTH_LIMIT: Final = 20

Key = tuple[str | int, ...]  # ("sources", 0, "zone")


class Problem(Struct, frozen=True, order=True):
    """One mistake in a configuration."""

    line: int
    key: str  # "sources[0].zone"
    message: str


class Tree:
    """Plain data out of YAML text, the line of every key, and what was wrong with the text."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self.lines: dict[Key, int] = {}
        self.data: Any = None
        loader = _Loader(text, self.problems)
        try:
            node = loader.get_single_node()
            self.data = {} if node is None else self._plain(node, ())
        finally:
            loader.dispose()

    def line(self, key: Key) -> int:
        """The line of the nearest part of the key that is written in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def problem(self, key: Key, message: str) -> Problem:
        """A mistake at a key."""
        return Problem(self.line(key), self._name(key), message.replace("?;", "?"))

    def _name(self, key: Key) -> str:
        name = ""
        for part in key:
            name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
        if len(key) > 1 and key[0] == "sources" and isinstance(key[1], int) and isinstance(self.data, dict):
            source = self.data["sources"][key[1]]
            named = source.get("name") if isinstance(source, dict) else None
            name += f" ({named})" if isinstance(named, str) else ""
        return name

    def _plain(self, node: yaml.Node, key: Key) -> Any:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            plain: dict[str, Any] = {}
            for name_node, value_node in node.value:
                name = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else "?"
                line = name_node.start_mark.line + 1
                if not isinstance(name_node, yaml.ScalarNode):
                    self.problems.append(Problem(line, "", "a key must be one word"))
                elif name in plain:
                    at = self.lines[(*key, name)]
                    self.problems.append(Problem(line, name, f"the key {name!r} stands twice, see line {at}"))
                self.lines[(*key, name)] = line
                plain[name] = self._plain(value_node, (*key, name))
            return plain
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*key, index)) for index, child in enumerate(node.value)]
        return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    return text


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the plain scalars of YAML 1.2's core, and without aliases, anchors and tags."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  PyYAML's own shape

    def __init__(self, text: str, problems: list[Problem]) -> None:
        super().__init__(text)
        self._problems = problems
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            self._problems.append(
                Problem(line, "", f"the alias *{event.anchor} is not allowed; write the value out")
            )
            return yaml.ScalarNode("tag:yaml.org,2002:null", "", event.start_mark)  # type: ignore[arg-type]
        if getattr(event, "anchor", None):
            self._problems.append(Problem(line, "", f"the anchor &{event.anchor} is not allowed"))
            event.anchor = None
        if getattr(event, "tag", None):
            self._problems.append(
                Problem(line, "", f"the tag {event.tag} is not allowed; write the plain value")
            )
            event.tag = None
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise yaml.MarkedYAMLError(
                problem=f"deeper than {DEPTH_LIMIT} levels", problem_mark=event.start_mark
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|)\Z"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), ["t", "f"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z"), list("-0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z"),
    list("-0123456789"),
)
