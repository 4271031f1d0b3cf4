"""Every file of the fuzzing corpus, and a few thousand bent ones of it without the fuzzer."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "fuzz"


def fuzzing():
    spec = importlib.util.spec_from_file_location("fuzz_readers", HERE / "readers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_readers"] = module
    spec.loader.exec_module(module)
    return module


FUZZ = fuzzing()
CORPUS = sorted((HERE / "corpus").glob("*/*"))


def test_every_target_has_a_corpus():
    assert {path.parent.name for path in CORPUS} == set(FUZZ.TARGETS)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_corpus(path, tmp_path):
    count = FUZZ.run(path.parent.name, path.read_bytes(), tmp_path / "x")
    if path.name.startswith("seed-"):
        assert count > 2


@pytest.mark.parametrize("target", sorted(FUZZ.TARGETS))
def test_bent_files_of_the_corpus(target, tmp_path):
    chance = random.Random(7)
    wholes = [path.read_bytes() for path in CORPUS if path.parent.name == target]
    for _ in range(60):
        data = bytearray(chance.choice(wholes))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data) + 1)
            how = chance.randrange(4)
            if how == 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            elif how == 1:
                del data[at : at + chance.randrange(1, 40)]
            elif how == 2:
                other = chance.choice(wholes)
                start = chance.randrange(len(other))
                data[at:at] = other[start : start + chance.randrange(1, 80)]
            else:
                data[at:at] = chance.choice(
                    [b'"', b"\n", b"\0", b"<", b"]]>", b"{", b"\\u", b"\xed\xa0\x80", b"99999999999"]
                )
        FUZZ.run(target, bytes(data), tmp_path / "x")
