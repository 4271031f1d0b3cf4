"""Pseudonyms: the same author is the same key, and without the secret nobody finds out who it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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


def test_fields_that_name_a_person_go_at_any_depth() -> None:
    extra = {
        "meta": {"First Name": "Omar", "likes": 3, "replies": [{"sender_name": "x", "text": "y"}, "نور"]},
        "رقم الهاتف": "+963 944 123 456",
        "poll": {"question": "where?"},
    }
    hidden = protect(replace(post("7", "نور"), extra=extra), "pseudonym", KEY)
    assert hidden.extra == {"meta": {"likes": 3, "replies": [{"text": "y"}]}, "poll": {"question": "where?"}}


@pytest.mark.parametrize(
    ("known", "name", "kept"),
    [
        ("channel77", "Radar News", True),
        ("chat7", "Radar News", True),
        ("user77", "Omar Ali", False),
        (None, "Omar Ali", False),  # may be a person, may be a channel
        (None, "our group", True),
        ("user77", "our group", False),
    ],
)
def test_whom_a_post_was_forwarded_from(known: str | None, name: str, kept: bool) -> None:
    extra = {} if known is None else {"forwarded_from_id": known}
    forwarded = replace(post(), forwarded_from=name, group_name="our group", extra=extra)
    hidden, dropped = protect(forwarded, "pseudonym", KEY), protect(forwarded, "drop", None)
    assert protect(forwarded, "keep", None).forwarded_from == name
    assert (hidden.forwarded_from == name, dropped.forwarded_from == name) == (kept, kept)
    if not kept:
        assert dropped.forwarded_from == ""
        assert hidden.forwarded_from is not None
        assert len(hidden.forwarded_from) == 32
    assert protect(replace(post(), forwarded_from=""), "pseudonym", KEY).forwarded_from == ""
    assert protect(post(), "pseudonym", KEY).forwarded_from is None


def test_a_chat_between_two_people_loses_its_name() -> None:
    chat = replace(post(), group_name="Omar Ali", extra={"chat_type": "personal_chat"})
    assert protect(chat, "pseudonym", KEY).group_name is None
    assert protect(chat, "keep", None).group_name == "Omar Ali"
    assert protect(replace(post(), group_name="our group"), "drop", None).group_name == "our group"


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


@pytest.mark.parametrize("authors", ["pseudonym", "drop"])
def test_a_content_hash_cannot_be_tried_out_without_the_key(authors: Literal["pseudonym", "drop"]) -> None:
    plain = "whatsapp:our_group:h:0123456789abcdef#2"
    answer = replace(post("7", "Nour"), post_id=plain, reply_to=plain.replace("#2", "#1"))
    hidden, other = protect(answer, authors, KEY), protect(answer, authors, OTHER)
    assert "0123456789abcdef" not in f"{hidden.post_id}{hidden.reply_to}"
    assert hidden.post_id != other.post_id
    assert hidden.post_id.startswith("whatsapp:our_group:h:")
    assert hidden.post_id.removesuffix("#2") == str(hidden.reply_to).removesuffix("#1")
    assert protect(answer, "keep", None).post_id == plain


def test_ids_of_a_platform_stay() -> None:
    assert (
        protect(replace(post("7", "Nour"), reply_to="telegram:1:2"), "pseudonym", KEY).reply_to
        == "telegram:1:2"
    )
    assert protect(post("7", "Nour"), "pseudonym", KEY).post_id == post().post_id
