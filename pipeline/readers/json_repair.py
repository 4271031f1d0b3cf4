"""Make a record that an exporter wrote wrongly readable, and say what was done.

Telegram Desktop wrote control characters as `\\x0B` (every version from 2018 to 2025) and, in 4.0.4 to
4.1.1, `document_id` without quotes; editors, copies and dying disks add the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline.readers.encodings import decode_line

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BYTE_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_HEX_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_WRONG_ESCAPE = re.compile(r'(?<!\\)((?:\\\\)*)\\(?!["\\/bfnrt]|u[0-9A-Fa-f]{4})')
_CONTROL = re.compile(r"[\x00-\x1f]")
_BARE_FILE = re.compile(r'("document_id"\s*:\s*)(?!["\d\-{\[]|null)([^\n"]*?)(?=\s*,?\s*\n|\s*[}\]])')
_SURROGATE = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_NOT_A_NUMBER = re.compile(r"(:\s*)(?:-?Infinity|NaN)\b")


def repair(raw: bytes) -> tuple[str, list[str]]:
    """The record as text that a strict parser may take, and the names of the repairs, in order.

    >>> repair(b'{"text": "a' + bytes([92]) + b'x0Bb"}')
    ('{"text": "a\\\\u000Bb"}', ['escape'])
    """
    notes = []
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
        notes.append("nul")
    text = _decoded(raw, notes)
    for name, better_of in _STEPS:
        better = better_of(text)
        if better != text:
            text = better
            if name not in notes:
                notes.append(name)
    return text, notes


def _decoded(raw: bytes, notes: list[str]) -> str:
    """Each string by itself, so that one in another encoding does not spoil its neighbors."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    parts, at = [], 0
    for piece in [*_BYTE_STRING.finditer(raw), None]:
        start, end = (len(raw), len(raw)) if piece is None else piece.span()
        for section in (raw[at:start], raw[start:end]):
            text, note = decode_line(section, "utf-8")
            parts.append(text)
            if note is not None and note not in notes:
                notes.append(note)
        at = end
    return "".join(parts)


def _escapes(text: str) -> str:
    return _HEX_ESCAPE.sub(r"\1\\u00\2", text)


def _bare_files(text: str) -> str:
    return _BARE_FILE.sub(_quoted, text)


def _controls(text: str) -> str:
    return _STRING.sub(_escaped, text)


def _other_escapes(text: str) -> str:
    return _STRING.sub(_doubled, text)


def _surrogates(text: str) -> str:
    return _SURROGATE.sub(_paired, text)


def _quoted(match: re.Match[str]) -> str:
    name = match[2].replace("\\", "\\\\")
    return f'{match[1]}"{name}"'


def _escaped(match: re.Match[str]) -> str:
    return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", match[0])


def _doubled(match: re.Match[str]) -> str:
    return _WRONG_ESCAPE.sub(r"\1\\\\", match[0])


def _paired(match: re.Match[str]) -> str:
    return match[0] if match[2] else f"{match[1]}\\ufffd"


def _numbers(text: str) -> str:
    parts, at = [], 0
    for string in _STRING.finditer(text):
        parts += [_NOT_A_NUMBER.sub(r"\1null", text[at : string.start()]), string[0]]
        at = string.end()
    return "".join([*parts, _NOT_A_NUMBER.sub(r"\1null", text[at:])])


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("escape", _escapes),
    ("document_id", _bare_files),
    ("control", _controls),
    ("escape", _other_escapes),
    ("surrogate", _surrogates),
    ("number", _numbers),
)
