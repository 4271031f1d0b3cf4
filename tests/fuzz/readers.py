"""Coverage-guided fuzzing of the readers: nothing but items and `ExportError` may come out of any bytes.

`python tests/fuzz/readers.py telegram -max_total_time=60` goes on from the corpus beside this file; options
behind the name are libFuzzer's.  What breaks a reader is written to a file `crash-*`: put it into the corpus
folder, and `tests/test_fuzz_corpus.py` holds it for ever.  `seed` writes the first corpus anew.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

TARGETS = {
    "telegram": ("telegram_json", "telegram_html"),
    "whatsapp": ("whatsapp",),
    "csv": ("table", "crowdtangle"),
    "archive": ("auto",),
    "pages": ("wordpress_html", "wxr", "vk_html"),
}
"""What is fuzzed -> readers that are given the bytes."""


def run(target: str, data: bytes, path: Path) -> int:
    """Read the bytes with every reader of a target; how many items came.  Raises where a promise is broken."""
    from pipeline.errors import ExportError
    from pipeline.readers import READERS, Choice, Export, Limits, Reading, choose, locate, read
    from pipeline.records import NonPost, Post, Rejection

    path.write_bytes(data)
    limits = Limits(record_bytes=1 << 16, archive_members=50, archive_bytes=1 << 22)
    export = Export(path, path.name, "0" * 64, limits=limits)
    count = 0
    for name in TARGETS[target]:
        columns = {"text": "text", "posted_at": "created_at"} if name == "table" else {}
        reading = Reading(source="s", zone="Asia/Damascus", columns=columns)
        try:
            if name == "auto" or data[:2] == b"PK":
                choice = choose(export, name)
            else:
                choice = Choice(export, name, ((export, READERS[name]),))
            for item in read(choice, reading):
                assert isinstance(item, (Post, NonPost, Rejection))
                if isinstance(item, Post):
                    item.text.encode()
                elif isinstance(item, Rejection):
                    item.raw.encode()
                    assert item.detail
                count += 1
                if count < 8:
                    locate(path, item.origin.locator, limits)
        except ExportError as error:
            if not str(error):
                raise RuntimeError("an ExportError without words") from error
    return count


def seeds() -> dict[str, list[bytes]]:
    """A first corpus of every target."""
    from test_readers import EXPORTS

    texts = {name: text.encode() for name, text in EXPORTS.items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_chat.txt", texts["whatsapp"])
        archive.writestr("messages.html", texts["telegram_html"])
        archive.writestr("../x.jpg", b"x")
    lines = texts["jsonl"]
    return {
        "telegram": [texts["telegram_json"], texts["telegram_html"]],
        "whatsapp": [
            texts["whatsapp"],
            texts["whatsapp"].replace("، ".encode(), b", ").decode().encode("utf-16"),
        ],
        "csv": [texts["table"], texts["crowdtangle"], texts["table"].decode().encode("cp1256")],
        "archive": [
            packed.getvalue(),
            gzip.compress(lines, mtime=0),
            bz2.compress(lines),
            lzma.compress(lines),
        ],
        "pages": [texts["wordpress_html"], texts["wxr"], texts["vk_html"]],
    }


def seed() -> None:
    for target, examples in seeds().items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, example in enumerate(examples):
            (folder / f"seed-{number}").write_bytes(example)


def fuzz(target: str, options: list[str]) -> None:
    """Fuzz a target until it breaks or the options end it."""
    import atheris

    with atheris.instrument_imports(include=["pipeline"]):
        from pipeline import readers

        assert readers.READERS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed"

        def one(data: bytes) -> None:
            run(target, data, path)

        found = Path(os.environ.get("MARSAD_FUZZ", HERE / "found")) / target
        found.mkdir(parents=True, exist_ok=True)
        corpora = [str(found), str(HERE / "corpus" / target)]
        atheris.Setup([sys.argv[0], *options, *corpora], one)
        atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:] == ["seed"]:
        seed()
    elif len(sys.argv) > 1 and sys.argv[1] in TARGETS:
        fuzz(sys.argv[1], sys.argv[2:])
    else:
        sys.exit(f"usage: readers.py seed | {' | '.join(TARGETS)} [options of libFuzzer]")
