"""Text that was UTF-8, was read in another encoding and saved so: back to what it was.

Two ways are common with Arabic: read as Latin-1 or windows-1252 (Facebook's own exports), and read as
windows-1256.  What is not the one or the other, whole letter by whole letter, stays as it is.
"""

from __future__ import annotations

import re
from functools import cache

_LATIN = re.compile(
    "[\xc2-\xf4][\x80-\xbf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)
_LATIN_RUN = re.compile(
    "[\0-\xff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201a\u201c-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]+"
)
_ALEF = "\N{ARABIC LETTER ALEF}".encode().decode("cp1256")
_LAM = "\N{ARABIC LETTER LAM}".encode().decode("cp1256")
"""How the two commonest letters look: no longer text is without both."""
_SPELLED = re.compile("[\u0600-\u06ff\u0750-\u077f]")


def mend(text: str) -> tuple[str, str | None]:
    """The text and what was mended: `mojibake:latin-1`, `mojibake:cp1256`; None where it is clean.

    >>> mend("حلب".encode().decode("latin-1"))
    ('حلب', 'mojibake:latin-1')
    >>> mend("قصف على حلب".encode().decode("cp1256"))
    ('قصف على حلب', 'mojibake:cp1256')
    >>> mend("وسط، حلب؟ Ärger")
    ('وسط، حلب؟ Ärger', None)
    """
    if text.isascii():
        return text, None
    if _LATIN.search(text) is not None:
        once = _LATIN_RUN.sub(_from_latin, text)
        if once != text:
            return _LATIN_RUN.sub(_from_latin, once), "mojibake:latin-1"
    if (len(text) < 60 or _ALEF in text or _LAM in text) and _arabic_pairs().search(text) is not None:
        once = re.sub(r"[^ \n\r\t]+", _from_arabic, text)
        if once != text:
            return once, "mojibake:cp1256"
    return text, None


def _from_latin(match: re.Match[str]) -> str:
    run = match[0]
    if _LATIN.search(run) is None:
        return run
    raw = bytearray()
    for char in run:
        code = ord(char)
        raw += bytes([code]) if code < 256 else char.encode("cp1252")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(raw) or error.reason != "unexpected end of data":
            return run
        text = raw[: error.start].decode("utf-8") + "\ufffd"  # cut in the middle of a letter
    mended = sum(char > "\x7f" for char in text)
    return text if mended > 1 or _SPELLED.search(text) or len(run) - len(text) > 1 else run


@cache
def _arabic_pairs() -> re.Pattern[str]:
    """Two letters of Arabic in a row, each as its two bytes look in windows-1256."""
    leads = bytes(range(0xD8, 0xDC)).decode("cp1256")
    followers = re.escape(bytes(range(0x80, 0xC0)).decode("cp1256"))
    return re.compile(f"(?:[{leads}][{followers}]){{2}}")


def _from_arabic(match: re.Match[str]) -> str:
    try:
        return match[0].encode("cp1256").decode("utf-8")
    except UnicodeError:
        return match[0]
