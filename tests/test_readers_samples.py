"""Every post of the samples can be read again from where it says that it was read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.config import load
from pipeline.jobs.intake import reading_of
from pipeline.readers import Export, choose, fingerprint, locate, read
from pipeline.readers.encodings import eight_bit
from pipeline.records import Post

ROOT = Path(__file__).resolve().parent.parent
CONFIG = load(ROOT / "config.yaml")
FILES = [(source, path) for source in CONFIG.sources for path in CONFIG.find_files(source)]


@pytest.mark.parametrize(("source", "path"), FILES, ids=[path.name for _, path in FILES])
def test_every_sample_post_is_read_again_from_its_locator(source, path):
    export = Export(path, path.name, fingerprint(path))
    found = [
        item for item in read(choose(export, source.reader), reading_of(source)) if isinstance(item, Post)
    ]
    assert found
    for post in found:
        raw = locate(path, post.origin.locator)
        if post.extra.get("repaired"):
            continue
        words = {word for word in re.findall(r"\w+", post.text) if len(word) > 2}
        shown = decoded(raw, path)
        assert words <= set(re.findall(r"\w+", shown)), post.origin.locator
        if post.native_id and post.native_id.isdecimal():
            assert post.native_id in shown


def decoded(raw: bytes, path: Path) -> str:
    """The bytes as letters: in their encoding, escapes of JSON written out."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode(eight_bit(path.read_bytes()))
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return text.replace("\\n", "\n").replace("\\t", "\t")
