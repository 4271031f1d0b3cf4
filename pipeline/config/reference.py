"""docs/config.md, printed from the models: every key with its type, default, meaning and an example."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pipeline.config.models import Config

_HEAD = """\
# config.yaml, key by key

Printed from the program by `make docs`. `marsad check` tells every mistake of a file with its line; `marsad check --schema > config.schema.json` prints the JSON Schema
by which editors complete and check the file while it is written:

```yaml
# yaml-language-server: $schema=config.schema.json
```

Relative paths count from the folder of the file. Where a list is allowed, a single value may stand alone. An unknown key is a mistake. The YAML is its plain part: no
anchors, aliases or tags, no key twice; only `true` and `false` are booleans (`no` is a word), numbers are decimal.
"""  # noqa: E501

_ENVIRONMENT = """\
## Environment

All optional. Secrets stand here and never in the file.

| variable | meaning |
|---|---|
| `MARSAD_DATASET` | folder of the dataset, instead of `dataset:` |
| `MARSAD_CACHE` | folder of the compiled gazetteer; else `marsad` in the user's cache folder |
| `MARSAD_GAZETTEER` | folder of the added layers of places; else `marsad/gazetteer` in the user's folder for data |
| `MARSAD_KEY_FILE` | key of the pseudonyms; else `~/.config/marsad/pseudonym.key` |
| `MARSAD_MAIL_PASSWORD` | password of `on_failure: mail: user:` |
| `MARSAD_SERVE_TOKEN` | token that `marsad serve` demands |
| `NO_COLOR` | no colors on terminals |
"""  # noqa: E501


def schema() -> dict[str, Any]:
    """The JSON Schema for editors: what pydantic says, and single values where a list of one is meant."""
    made = Config.model_json_schema()
    for model in (made, *made["$defs"].values()):
        for name, told in model.get("properties", {}).items():
            kinds = told.get("anyOf", [told])
            lists = [one for one in kinds if one.get("type") == "array"]
            if lists and name != "sources":
                rest = {key: told.pop(key) for key in ("type", "items", "minItems") if key in told}
                if "minLength" in told:  # pydantic says it so of what is checked before
                    rest["minItems"] = told.pop("minLength")
                told["anyOf"] = [
                    *(kinds if "anyOf" in told else [rest]),
                    lists[0].get("items") or rest["items"],
                ]
    for told in made["$defs"]["Retention"]["properties"].values():
        told["anyOf"].append({"type": "string", "pattern": "^[1-9][0-9]{0,4}d?$"})
    return made


def reference() -> str:
    """The page, as it stands in docs/config.md."""
    schema = Config.model_json_schema()
    parts = [_HEAD, *_sections(Config, schema, schema["$defs"], ""), _ENVIRONMENT]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _sections(
    model: type[BaseModel], schema: Mapping[str, Any], known: Mapping[str, Any], path: str
) -> Iterator[str]:
    inner: list[tuple[type[BaseModel], str]] = []
    lines = [f"## {path or 'At the top'}", "", (model.__doc__ or "").strip().splitlines()[0], ""]
    lines += ["| key | type | default | meaning | example |", "|---|---|---|---|---|"]
    for name, field in model.model_fields.items():
        told = schema["properties"][name]
        below = _model_of(field.annotation)
        if below is not None:
            inner.append((below, f"{path}.{name}".lstrip(".") + ("[]" if name == "sources" else "")))
        kind = f"see [{inner[-1][1]}](#{_anchor(inner[-1][1])})" if below is not None else _kind(told, known)
        example = json.dumps(field.examples[0], ensure_ascii=False) if field.examples else ""
        default = "needed" if field.is_required() else _default(field.get_default(call_default_factory=True))
        cells = [f"`{name}`", kind, default, field.description or "", f"`{name}: {_yaml(example)}`"]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    yield "\n".join(lines) + "\n"
    for below, where in inner:
        if where != "sources[].dates":  # the same keys as above
            yield from _sections(below, known[below.__name__], known, where)


def _anchor(title: str) -> str:
    return "".join(char for char in title.lower() if char.isalnum() or char in "-_ ").replace(" ", "-")


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_of(inner)
        if found is not None:
            return found
    return None


def _kind(told: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """A type in words.

    >>> _kind({"enum": ["a", "b"]}, {}), _kind({"type": "array", "items": {"type": "string"}}, {})
    ('`a` or `b`', 'text, or a list')
    >>> _kind({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}, {})
    'whole number from 0'
    """
    if "anyOf" in told:
        return " or ".join(_kind(one, known) for one in told["anyOf"] if one.get("type") != "null")
    if "const" in told:
        return f"`{told['const']}`"
    if "enum" in told:
        return " or ".join(f"`{one}`" for one in told["enum"])
    match told.get("type"):
        case "array":
            return f"{_kind(told['items'], known)}, or a list"
        case "object":
            return "keys and values"
        case "string":
            return "path" if told.get("format") == "path" else "text"
        case "boolean":
            return "`true` or `false`"
        case "integer" | "number" as kind:
            words = "whole number" if kind == "integer" else "number"
            low, high = told.get("minimum"), told.get("maximum")
            span = f" from {low}" if low is not None else ""
            return words + span + (f" to {high}" if high is not None else "")
    return "text"


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or (not value and value is not False):
        return ""
    if isinstance(value, BaseModel):
        return ""
    shown = json.dumps(value, default=str) if not isinstance(value, str) else value
    return f"`{shown}`"


def _yaml(example: str) -> str:
    """JSON as one would write it in YAML."""
    return example if any(sign in example for sign in "*%:#,@;") else example.replace('"', "")
