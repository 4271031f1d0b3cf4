"""Packed files and archives: read as streams, bounded, cut ones noted, and no name in them is a path."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import warnings
import zipfile
import zlib
from functools import partial
from pathlib import Path

import pytest
import zstandard
from reader_builders import (
    chat,
    export_of,
    exported,
    items_of,
    message,
    nonposts,
    posts,
    rejections,
    source_bytes,
)

from pipeline.errors import ExportError
from pipeline.readers import Limits, Reading, choose, missing_files, read, read_as
from pipeline.readers.archives import natural
from pipeline.readers.files import locate, sibling
from pipeline.records import Reason

CHAT = exported(
    chat([message(number, f"قصف {number} " + "على الحي " * 20) for number in range(400)])
).encode()
LINES = "".join(f'{{"id": {n}, "text": "قصف {n}", "date": 1704189600}}\n' for n in range(3000)).encode()
WHATSAPP = "".join(f"1{day}/5/2025، 09:17 - أبو محمد: قصف\nسطر {day}\n" for day in range(3, 9)).encode()
PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": partial(lzma.compress, preset=0),
    "zst": zstandard.ZstdCompressor().compress,
}


def zipped(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # two members of one name
                archive.writestr(name, content)
    return path


def all_of(path: Path, reader: str = "auto", **limits: int) -> list:
    export = export_of(path, limits=Limits(**limits))
    return list(read(choose(export, reader), Reading(source="s", zone="Asia/Damascus")))


@pytest.mark.parametrize("kind", sorted(PACK))
@pytest.mark.parametrize("content", [CHAT, LINES, WHATSAPP], ids=["json", "lines", "text"])
def test_a_packed_file_reads_like_the_plain_one(tmp_path, kind, content):
    plain, packed = tmp_path / "x.json", tmp_path / f"x.json.{kind}"
    plain.write_bytes(content)
    packed.write_bytes(PACK[kind](content))
    from_plain, from_packed = items_of(plain), items_of(packed)
    assert [post.post_id for post in posts(from_packed)] == [post.post_id for post in posts(from_plain)]
    assert [item.origin.locator for item in from_packed] == [item.origin.locator for item in from_plain]
    for item in from_packed[::97]:
        assert source_bytes(packed, item) == source_bytes(plain, item)


@pytest.mark.parametrize("kind", sorted(PACK))
def test_streams_one_behind_the_other_are_one(tmp_path, kind):
    path = tmp_path / f"x.jsonl.{kind}"
    half = LINES.index(b"\n", len(LINES) // 2) + 1
    path.write_bytes(PACK[kind](LINES[:half]) + PACK[kind](LINES[half:]) + b"\0" * 512)
    items = items_of(path)
    assert (len(posts(items)), rejections(items)) == (3000, [])


@pytest.mark.parametrize("kind", sorted(PACK))
def test_a_packed_file_that_ends_early_is_never_silent(tmp_path, kind):
    path = tmp_path / f"x.jsonl.{kind}"
    rows = "".join(
        f'{{"id": {n}, "text": "{zlib.crc32(str(n).encode())}{"x" * (n % 50)}{n * 7919}", "date": 1704189600}}\n'
        for n in range(45_000)
    )
    whole = PACK[kind](rows.encode())
    path.write_bytes(whole[: len(whole) * 2 // 3])
    items = items_of(path)
    assert 0 < len(posts(items)) < 45_000
    (last,) = [refused for refused in rejections(items) if refused.origin.locator == "whole file"]
    assert last.reason == Reason.TRUNCATED
    assert "before its end" in last.detail


@pytest.mark.parametrize("kind", sorted(PACK))
def test_a_spoiled_packed_file_is_never_silent(tmp_path, kind):
    path = tmp_path / f"x.jsonl.{kind}"
    whole = bytearray(PACK[kind](LINES))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = bytes(40)
    path.write_bytes(whole)
    try:
        items = items_of(path)
    except ExportError:
        return
    assert len(posts(items)) < 3000
    assert rejections(items)


@pytest.mark.parametrize("kind", sorted(PACK))
def test_a_bomb_is_stopped(tmp_path, kind):
    path = tmp_path / f"x.jsonl.{kind}"
    line = b'{"id": 1, "text": "' + b"x" * (1 << 20) + b'", "date": 1704189600}\n'
    path.write_bytes(PACK[kind](line * 70))
    with pytest.raises(ExportError, match="archive_ratio"):
        all_of(path)


def test_members_are_read_and_every_other_is_accounted_for(tmp_path):
    path = zipped(
        tmp_path / "chat.zip",
        [
            ("WhatsApp Chat with أبو محمد.txt", WHATSAPP),
            ("IMG-20250513-WA0001.jpg", b"\xff\xd8"),
            ("__MACOSX/._x", b"junk"),
            ("notes/readme.txt", b"hello"),
        ],
    )
    items = items_of(path)
    assert len(posts(items)) == 6
    assert [told.what for told in nonposts(items)] == [
        "member of the archive: media or a program's own file",
        "member of the archive: left by the operating system",
        "member of the archive: no reader finds posts in it",
    ]
    first = posts(items)[0]
    assert first.origin.file == "chat.zip"
    assert first.origin.locator == "member WhatsApp Chat with أبو محمد.txt, lines 1-2"
    assert source_bytes(path, first).decode() == "13/5/2025، 09:17 - أبو محمد: قصف\nسطر 3\n"


def test_names_in_an_archive_lead_nowhere(tmp_path):
    outside = tmp_path / "evil.jsonl"
    path = zipped(
        tmp_path / "x.zip", [("../evil.jsonl", LINES), ("/etc/abs.jsonl", LINES), ("a\\b.jsonl", LINES)]
    )
    items = items_of(path)
    assert len(posts(items)) == 9000
    assert not outside.exists()
    assert {item.origin.file for item in items} == {"x.zip"}
    for item in items[::1000]:
        assert source_bytes(path, item) in LINES


def test_two_members_of_one_name_are_two(tmp_path):
    path = zipped(
        tmp_path / "x.zip", [("_chat.txt", WHATSAPP), ("_chat.txt", WHATSAPP.replace(b"2025", b"2024"))]
    )
    found = posts(items_of(path))
    assert len(found) == 12
    assert {post.origin.locator.partition(",")[0] for post in found} == {
        "member _chat.txt",
        "member _chat.txt#2",
    }
    assert "2024" in source_bytes(path, found[-1]).decode() or "2024" in source_bytes(path, found[0]).decode()


def test_names_of_older_programs_are_readable(tmp_path):
    path = zipped(tmp_path / "x.zip", [("AAAA.jsonl", LINES)])
    path.write_bytes(path.read_bytes().replace(b"AAAA", "محمد".encode("cp1256")))
    assert posts(items_of(path))[0].origin.locator.startswith("member محمد.jsonl, ")


def test_an_archive_in_an_archive_is_refused_and_told(tmp_path):
    inner = zipped(tmp_path / "inner.zip", [("x.jsonl", LINES)])
    path = zipped(tmp_path / "outer.zip", [("inner.zip", inner.read_bytes()), ("y.jsonl", LINES)])
    items = items_of(path)
    (refused,) = rejections(items)
    assert (refused.reason, len(posts(items))) == (Reason.BAD_FILE, 3000)
    assert "inside an archive" in refused.detail
    alone = zipped(tmp_path / "alone.zip", [("inner.zip", inner.read_bytes())])
    with pytest.raises(ExportError, match="inside an archive"):
        items_of(alone)


def test_packings_around_one_another_are_counted(tmp_path):
    path = zipped(tmp_path / "x.zip", [("x.jsonl.gz", gzip.compress(LINES))])
    assert len(posts(all_of(path))) == 3000
    assert source_bytes(path, posts(all_of(path))[7]) == LINES.splitlines()[7]
    with pytest.raises(ExportError, match="nesting"):
        all_of(path, nesting=1)


def test_encrypted_members_are_told(tmp_path):
    path = zipped(tmp_path / "x.zip", [("x.jsonl", LINES), ("y.jsonl", LINES)])
    whole = bytearray(path.read_bytes())
    at = whole.rindex(b"PK\x01\x02")
    struct.pack_into("<H", whole, at + 8, 1)
    path.write_bytes(whole)
    items = items_of(path)
    assert len(posts(items)) == 3000
    assert "encrypted" in rejections(items)[0].detail


def test_too_many_members_are_refused(tmp_path):
    path = zipped(tmp_path / "x.zip", [(f"{number}.jsonl", b"") for number in range(30)])
    with pytest.raises(ExportError, match="archive_members"):
        all_of(path, archive_members=29)


def test_an_archive_without_its_list_of_members_is_read_as_far_as_it_goes(tmp_path):
    path = zipped(tmp_path / "x.zip", [("_chat.txt", WHATSAPP), ("more.jsonl", LINES), ("y.jsonl", LINES)])
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"PK\x03\x04") - 40])
    items = items_of(path)
    assert 6 < len(posts(items)) < 3006
    told = [refused.detail for refused in rejections(items) if refused.reason == Reason.TRUNCATED]
    assert any("list of members" in detail for detail in told)
    assert any("ends inside it" in detail for detail in told)
    assert posts(items)[0].text.startswith("قصف")
    for post in posts(items)[::100]:
        assert source_bytes(path, post)


def test_a_wrong_checksum_is_told(tmp_path):
    path = zipped(tmp_path / "x.zip", [("x.jsonl", LINES)], zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace("قصف 2999".encode(), "قصف 2998".encode()))
    assert rejections(items_of(path))[-1].reason == Reason.TRUNCATED


@pytest.mark.parametrize("members", [[], [("a/", b"")], [("x.jpg", b"\xff\xd8")], [("a.txt", b"")]])
def test_an_archive_without_posts_is_an_error(tmp_path, members):
    with pytest.raises(ExportError, match=r"x\.zip"):
        items_of(zipped(tmp_path / "x.zip", members))


@pytest.mark.parametrize(
    "start",
    [b"PK\x03\x04 and no more", b"PK\x05\x06" + bytes(18)[:3], b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c"],
)
def test_what_cannot_be_opened_says_so(tmp_path, start):
    path = tmp_path / "x.zip"
    path.write_bytes(start)
    with pytest.raises(ExportError, match=r"x\.zip"):
        items_of(path)


def test_a_named_reader_reads_the_members_that_it_knows(tmp_path):
    path = zipped(tmp_path / "x.zip", [("_chat.txt", WHATSAPP), ("x.jsonl", LINES)])
    assert len(posts(items_of(path, "jsonl"))) == 3000
    assert len(posts(items_of(path, "whatsapp"))) == 6
    both = choose(export_of(path))
    assert both.name == "jsonl+whatsapp"
    assert read_as(both) == [("x.zip/_chat.txt", "whatsapp"), ("x.zip/x.jsonl", "jsonl")]


def test_a_sibling_is_found_beside_a_member_and_beside_a_file(tmp_path):
    path = zipped(
        tmp_path / "x.zip", [("a/one.jsonl", LINES), ("a/two.jsonl", LINES), ("b/three.jsonl", LINES)]
    )
    one = choose(export_of(path)).parts[0][0]
    assert one.siblings == ("two.jsonl",)
    assert sibling(one, "two.jsonl").member == "a/two.jsonl"
    (tmp_path / "plain.jsonl.gz").write_bytes(gzip.compress(LINES))
    assert sibling(export_of(path), "plain.jsonl.gz").packing == ("gz",)


def test_what_is_missing_is_asked_by_reader_and_folder():
    assert missing_files([("a/x.jsonl", "jsonl"), ("a/y.txt", "nobody")]) == []


def test_pages_are_counted_as_people_do():
    names = ["messages10.html", "messages.html", "messages2.html"]
    assert sorted(names, key=natural) == ["messages.html", "messages2.html", "messages10.html"]


def test_the_whole_of_a_member_can_be_shown(tmp_path):
    path = zipped(tmp_path / "x.zip", [("a, b.txt", WHATSAPP)])
    assert locate(path, "member a, b.txt, whole file") == WHATSAPP
    with pytest.raises(ExportError, match="no member"):
        locate(path, "member c.txt, line 1")
