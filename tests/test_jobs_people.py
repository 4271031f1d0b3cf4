"""Pseudonyms: the same author is the same key, and without the secret nobody finds out who it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import ConfigError
from pipeline.jobs.people import Key, open_key, protect
from pipeline.records import Origin, Post

KEY, OTHER = Key(b"k" * 32), Key(b"o" * 32)


def post(author_id: str | None = "7", author_name: str | None = "نور", platform: str = "x") -> Post:
    origin = Origin("june.csv", "", "line 1", "table")
    return Post(
        post_id="x:g:1",
        source="s",
        platform=platform,
        group_id="g",
        author_id=author_id,
        author_name=author_name,
        origin=origin,
    )


def test_keep_and_drop() -> None:
    assert protect(post(), "keep", None) == post()
    assert protect(post(), "drop", None) == post(None, None)


def test_the_same_author_is_the_same_key() -> None:
    one = protect(post("7", "نور"), "pseudonym", KEY)
    assert one.author_id == protect(post("7", "نور الدين"), "pseudonym", KEY).author_id  # a name may change
    assert one.author_id != protect(post("8", "نور"), "pseudonym", KEY).author_id
    assert one.author_id != protect(post("7", "نور"), "pseudonym", OTHER).author_id
    assert one.author_id != protect(post("7", "نور", "y"), "pseudonym", KEY).author_id
    assert one.author_name is None


def test_a_name_alone_is_an_author_and_never_an_id() -> None:
    named = protect(post(None, "7"), "pseudonym", KEY)
    assert named.author_id is not None
    assert named.author_id != protect(post("7", None), "pseudonym", KEY).author_id
    assert protect(post(None, None), "pseudonym", KEY).author_id is None


def test_fields_that_name_a_person_go_with_the_author() -> None:
    extra = {"likes": 3, "signature": "x", "page": "نور", "from_id": 9, "photo": "a.jpg"}
    named = replace(post("7", "نور"), extra=extra)
    assert protect(named, "pseudonym", KEY).extra == {"likes": 3, "photo": "a.jpg"}
    assert protect(named, "drop", None).extra == {"likes": 3, "photo": "a.jpg"}
    assert protect(named, "keep", None).extra == extra


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4))
def test_nothing_of_the_author_is_left(author: str) -> None:
    hidden = protect(post(author, author), "pseudonym", KEY)
    assert hidden.author_id is not None
    assert len(hidden.author_id) == 32
    assert set(hidden.author_id) <= set("0123456789abcdef")
    assert hidden.author_id != author


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    key = open_key(path)
    assert open_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert open_key(tmp_path / "other") != key
    assert key.secret.hex() not in repr(key)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    open_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_key(path)


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "00" * 31])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key"):
        open_key(path)


def test_a_key_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="MARSAD_KEY_FILE"):
        open_key(tmp_path / "file" / "key")
