"""Which encoding a text file is in, decided by evidence from the whole file and not only its head."""

from __future__ import annotations

import codecs
import re
from typing import Literal

from pipeline.errors import ExportError
from pipeline.readers.interface import Export
from pipeline.readers.opening import CHUNK, open_bytes

_ARABIC_WORD = re.compile("[\N{ARABIC LETTER HAMZA}-\N{ARABIC LETTER YEH}]+")
_ARTICLE = "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}"
# What Arabic bytes look like when they are read with the wrong 8-bit table.
_UNLIKELY = re.compile(
    "[\x80-\x9f\xc0-\xff\u0679\u067e\u0686\u0688\u0691\u0698\u06af\u06ba\u06be\u06c1\u06d2†‡‰ƒ]"
)
_EIGHT_BIT = ("cp1256", "iso8859_6", "mac_arabic", "cp1252")


def utf16_order(start: bytes) -> Literal["le", "be"] | None:
    """The byte order where the file is UTF-16, by its mark or by its pattern; None where it is not.

    >>> utf16_order("حلب and Hama".encode("utf-16-be"))
    'be'
    """
    if start.startswith(codecs.BOM_UTF16_LE):
        return "le"
    if start.startswith(codecs.BOM_UTF16_BE):
        return "be"
    start = start[: len(start) // 2 * 2]
    if len(start) < 8:
        return None
    even, odd = start[0::2], start[1::2]
    # The high byte of Latin, Arabic and general punctuation; the low bytes of a text are never all of these.
    low, high = _high_bytes(even), _high_bytes(odd)
    if high > 0.7 and low < 0.3:
        return "le"
    if low > 0.7 and high < 0.3:
        return "be"
    return None


def _high_bytes(half: bytes) -> float:
    return (half.count(0) + half.count(6)) / len(half)


def detect(export: Export, declared: str | None = None) -> str:
    """The encoding by which the lines of `raw_lines` are decoded; `utf-8` for UTF-16, which they are then.

    `declared` wins.  Else UTF-8 where the file holds valid UTF-8 far more often than invalid bytes, else
    the 8-bit table in which it reads most like Arabic.  Raises `ExportError` for an unknown name.
    """
    if declared is not None:
        try:
            codec = codecs.lookup(declared).name
        except LookupError:
            raise ExportError(
                f"{export.name}: encoding {declared!r} is unknown; use utf-8, cp1256, ..."
            ) from None
        return "utf-8" if codec.startswith(("utf-16", "utf-8")) else codec
    windows = _windows(export)
    if utf16_order(windows[0]) is not None:
        return "utf-8"
    sample = b"\n".join(windows)
    if sample.isascii():
        return "utf-8"
    valid = bad = 0
    for window in windows:
        text = window.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        bad += broken
        valid += len(text) - broken - len(text.encode("ascii", "ignore"))
    torn = 4 * len(windows)  # a window may begin and end inside a letter
    if valid > bad and (bad <= torn or valid > 10 * bad):
        return "utf-8"
    return eight_bit(sample)


def eight_bit(sample: bytes) -> str:
    """The 8-bit table in which the bytes read most like Arabic; cp1252 where none does.

    >>> eight_bit("قصف على حي الشعار".encode("cp1256"))
    'cp1256'
    """
    return max(
        _EIGHT_BIT, key=lambda encoding: (_arabic_score(sample, encoding), -_EIGHT_BIT.index(encoding))
    )


def decode_line(content: bytes, encoding: str) -> tuple[str, str | None]:
    """The text of a line, and a note where its bytes had to be repaired."""
    try:
        return content.decode(encoding), None
    except UnicodeDecodeError:
        pass
    if encoding == "utf-8":
        paired = _cesu8(content)
        if paired is not None:
            return paired, "cesu8"
        high = sum(byte > 0x7F for byte in content)
        if content.decode("utf-8", "ignore").encode() and high >= 4:
            other = eight_bit(content)
            if other != "cp1252" and _valid_letters(content) * 4 < high:
                return content.decode(other, "replace"), f"encoding:{other}"
    return content.decode(encoding, "replace"), "encoding"


def _cesu8(content: bytes) -> str | None:
    """Surrogates that were written as three bytes each, put together again; None where that is not it."""
    if b"\xed" not in content:
        return None
    try:
        text = content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _valid_letters(content: bytes) -> int:
    return len(content.decode("utf-8", "ignore").encode()) - sum(byte < 0x80 for byte in content)


def _arabic_score(sample: bytes, encoding: str) -> int:
    text = sample.decode(encoding, "replace")
    score = -3 * text.count("\ufffd") - 2 * len(_UNLIKELY.findall(text))
    for word in _ARABIC_WORD.findall(text):
        if 1 < len(word) < 13:
            score += len(word) * (2 if word.startswith(_ARTICLE) else 1)
        else:
            score -= len(word)
    return score


def _windows(export: Export) -> list[bytes]:
    """16 kB from sixteen places of the file, the first from its start; of packed files ever farther apart."""
    with open_bytes(export) as file:
        if export.packing:
            windows = [file.read(1 << 18)]
            step = 1
            while piece := file.read(CHUNK):
                windows.append(piece[: 1 << 14])
                for _ in range(step if len(windows) > 4 else 0):
                    if not file.read(CHUNK):
                        return windows
                step *= 2
            return windows
        size = file.seek(0, 2)
        if size <= 1 << 18:
            file.seek(0)
            return [file.read()]
        windows = []
        for step in range(16):
            file.seek(size * step // 16)
            windows.append(file.read(1 << 14))
        return windows
