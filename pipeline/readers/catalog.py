"""The page docs/formats.md, out of what the readers say of themselves."""

from __future__ import annotations

from pipeline.readers import READERS
from pipeline.readers.interface import Limits

_HEAD = """\
# Formats

Which exports are read, and what each keeps and loses. Printed by `make docs` from the readers themselves;
`marsad inspect FILE` says what a file at hand is. `reader: auto`, the default, finds the format by its
content; a file that could be two things is not guessed.

All of them may be packed (gz, bz2, xz, zst) or be members of a zip archive, which is read as a stream and
never unpacked to disk. Text may be UTF-8, UTF-16, windows-1256, ISO 8859-6, Mac Arabic or windows-1252; text
that went through a wrong encoding before it was exported is put right, and every repair is noted in
`extra.repaired`. What is not read for certain is a rejection with its place and reason (`marsad rejected`),
and every post leads back to its bytes (`marsad source`).
"""


def formats() -> str:
    """The whole page, Markdown; the same text for the same readers."""
    lines = [_HEAD, "| reader | what | its files | platform |", "|---|---|---|---|"]
    lines += [
        f"| [{reader.name}](#{reader.name}) | {reader.about} | {reader.files} | {reader.platform} |"
        for reader in READERS.values()
    ]
    for reader in READERS.values():
        lines += ["", f"## {reader.name}", "", f"{_sentence(reader.about)}", ""]
        if reader.files:
            lines.append(f"- Files: {reader.files}")
        lines += [f"- Keeps: {reader.keeps}", f"- Loses: {reader.loses}"]
        if reader.needs_columns:
            lines.append("- Needs `columns:` that name text and time, where they have no usual names")
        if reader.missing is not None or reader.links is not None:
            lines.append("- A set of files: pages or parts that are missing are told by every run")
    lines += ["", "## Limits", "", "`limits:` in config.yaml; what exceeds one is refused and told.", ""]
    lines += ["| key | default |", "|---|---|"]
    lines += [f"| {name} | {getattr(Limits(), name):,} |" for name in Limits.__struct_fields__]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
