"""`python -m tests.nightly_text [POSTS]`: the laws of text and language on every code point and a million posts."""

from __future__ import annotations

import sys

from tests.text_laws import adversarial, check_text, read_languages, same_in_any_batch

CHUNK = 1_000


def main(posts: int = 1_000_000) -> None:
    for first in range(0, 0x110000, CHUNK):
        check_text([f"a{chr(code)}b" for code in range(first, min(first + CHUNK, 0x110000))])
    print("every code point holds", flush=True)
    for seed in range(posts // CHUNK):
        found = adversarial(1_000 + seed, CHUNK)
        check_text(found)
        if seed % 20 == 0:
            same_in_any_batch(read_languages, found[:300])
        if (seed + 1) % 100 == 0:
            print(f"{(seed + 1) * CHUNK:,} posts hold", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
