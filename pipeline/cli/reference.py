"""docs/commands.md, printed from the commands: arguments, options, examples, exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

_HEAD = """\
# The commands

Printed from the program by `make docs`; `marsad COMMAND --help` says the same. `marsad --install-completion` lets the shell complete commands, options,
sources, formats, zones and versions.

Data goes to stdout, messages and progress to stderr: bars with rate and time left on a terminal, plain lines elsewhere. `--json` prints one JSON document on
stdout. `NO_COLOR` is honored. On a terminal whose locale is C or POSIX, letters that it lacks are shown as escapes (`\\u062d`); what is piped is always UTF-8.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | a run failed, something is damaged or late, nothing was found |
| 2 | wrong usage or configuration; nothing was started |
| 3 | done, but more rows were rejected than the source expects, or a file is not whole or missing |
| 75 | somebody else is writing; try later |
| 130, 143 | stopped by SIGINT, SIGTERM |
"""  # noqa: E501


def reference() -> str:
    """The page, as it stands in docs/commands.md."""
    from pipeline.cli import app  # noqa: PLC0415  it imports this module's neighbors

    parts = [_HEAD, *(_section(name, command) for name, command in commands(typer.main.get_command(app)))]
    return "\n".join(parts)


def commands(group: Any, before: str = "marsad") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def examples_of(command: Any) -> list[str]:
    """The calls at the end of a command's help."""
    return [line for line in (command.epilog or "").splitlines() if line.startswith("marsad ")]


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    usage = " ".join([name, *(_shown(one) for one in arguments)])
    lines = [
        f"## {name}",
        "",
        _flat(command.help or ""),
        "",
        "```sh",
        f"{usage}{' [OPTIONS]' if options else ''}",
    ]
    lines += ["```", ""]
    if arguments or options:
        lines += ["| | default | meaning |", "|---|---|---|"]
        for one in arguments:
            lines.append(f"| `{_shown(one)}` | {'needed' if one.required else ''} | {_cell(one.help)} |")
        for one in options:
            names = ", ".join(f"`{each}`" for each in [*one.opts, *one.secondary_opts])
            lines.append(f"| {names} | {_default(one)} | {_cell(one.help)} |")
        lines.append("")
    lines += ["```sh", *examples_of(command), "```", ""]
    return "\n".join(lines)


def _shown(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    if argument.metavar:
        return str(shown)
    shown = shown if argument.required else f"[{shown}]"
    return f"{shown}..." if argument.nargs == -1 else str(shown)


def _default(option: Any) -> str:
    value = option.default
    if value is None or value is False or value == () or type(value).__name__ == "Sentinel":
        return ""
    return f"`{value if value is not True else option.opts[0]}`"


def _flat(help_: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in help_.split("\n\n"))


def _cell(help_: str | None) -> str:
    return (help_ or "").replace("|", "\\|")
