"""From annotated posts to columns.  Runs in the worker processes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct

from pipeline.records import AnnotatedPost, DateMention, PlaceMention, Post, Rejection
from pipeline.storage.schema import CANDIDATE, TABLES
from pipeline.storage.segments import sights_of

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

type_of: Final = {table: {field.name: field.type for field in schema} for table, schema in TABLES.items()}


class Encoded(Struct, frozen=True, kw_only=True):
    """A batch of annotated posts, ready for the store; small to send between processes."""

    source: str  # "" for an empty batch
    posts: int
    place_count: int  # rows in places
    date_count: int
    tables: dict[str, bytes]  # posts, places, dates: an Arrow stream each; all columns but `source`
    sights: bytes  # of every post: `upsert.SIGHT`
    files: dict[str, int]  # posts by export file
    faults: int


def encode(annotated: Sequence[AnnotatedPost], run_id: str) -> Encoded:
    """The columns of a batch of one source, in the batch's order.

    `post.author_id` is stored as `author_key` as it comes: the pseudonym, or None.
    A lone surrogate, which no file can hold, becomes U+FFFD: the count of code points stays.
    Raises `ValueError` where the posts are of more than one source.
    """
    posts = [one.post for one in annotated]
    source = posts[0].source if posts else ""
    if any(post.source != source for post in posts):
        raise ValueError(f"a batch holds posts of several sources: {sorted({post.source for post in posts})}")
    tables = {
        "posts": posts_table(annotated, run_id),
        "places": places_table(annotated),
        "dates": dates_table(annotated),
    }
    place_counts = [len(one.places) for one in annotated]
    date_counts = [len(one.dates) for one in annotated]
    return Encoded(
        source=source,
        posts=len(posts),
        place_count=sum(place_counts),
        date_count=sum(date_counts),
        tables={name: to_stream(table) for name, table in tables.items()},
        sights=sights_of(tables["posts"], place_counts, date_counts).tobytes(),
        files=dict(Counter(post.origin.file for post in posts)),
        faults=sum(one.fault is not None for one in annotated),
    )


def encode_rejections(rejections: Sequence[Rejection], run_id: str) -> bytes:
    """The columns of a batch of rejections, as an Arrow stream."""
    return to_stream(
        _table(
            "rejected",
            len(rejections),
            {
                "source": [one.source for one in rejections],
                "file": [one.origin.file for one in rejections],
                "file_sha256": [one.origin.file_sha256 for one in rejections],
                "locator": [one.origin.locator for one in rejections],
                "reader": [one.origin.reader for one in rejections],
                "reason": [one.reason.value for one in rejections],
                "detail": [one.detail for one in rejections],
                "raw": [one.raw for one in rejections],
                "run_id": [run_id] * len(rejections),
            },
        )
    )


def whole(text: str) -> str:
    r"""The text with U+FFFD for each lone surrogate; as many code points as before.

    >>> whole("a\ud83d!")
    'a�!'
    """
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def to_stream(table: pa.Table) -> bytes:
    """An Arrow stream of one batch, without the column `source` and the notes: always alike."""
    schema = pa.schema([pa.field(field.name, field.type) for field in table.schema if field.name != "source"])
    table = pa.Table.from_arrays([table[name] for name in schema.names], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:  # compressed, it reads 10 times slower
        stream.write_table(table)
    raw: bytes = sink.getvalue().to_pybytes()
    return raw


def posts_table(annotated: Sequence[AnnotatedPost], run_id: str) -> pa.Table:
    """The rows of the table `posts`."""
    posts = [one.post for one in annotated]
    origins = [post.origin for post in posts]
    languages = [one.language for one in annotated]
    return _table(
        "posts",
        len(posts),
        {
            "post_id": [post.post_id for post in posts],
            "source": [post.source for post in posts],
            "platform": [post.platform for post in posts],
            "group_id": [post.group_id for post in posts],
            "group_name": [post.group_name for post in posts],
            "native_id": [post.native_id for post in posts],
            "kind": [post.kind for post in posts],
            "author_key": [post.author_id for post in posts],
            "author_name": [post.author_name for post in posts],
            "posted_at": [post.posted_at for post in posts],
            "posted_local": [post.posted_local for post in posts],
            "zone_source": [post.zone_source for post in posts],
            "time_precision": [post.time_precision for post in posts],
            "edited_at": [post.edited_at for post in posts],
            "text": [post.text for post in posts],
            "text_clean": [one.text_clean for one in annotated],
            "text_normalized": [one.text_normalized for one in annotated],
            "language": [language.tag for language in languages],
            "language_confidence": [language.confidence for language in languages],
            "language_method": [language.method for language in languages],
            "arabic_share": [language.arabic_share for language in languages],
            "latin_share": [language.latin_share for language in languages],
            "segments": [
                [(one.span.start, one.span.end, one.script, one.tag) for one in post.segments]
                for post in annotated
            ],
            "hashtags": [one.hashtags for one in annotated],
            "hashtag_words": [one.hashtag_words for one in annotated],
            "mentions": [one.mentions for one in annotated],
            "urls": [one.urls for one in annotated],
            "emoji": [one.emoji for one in annotated],
            "reply_to": [post.reply_to for post in posts],
            "forwarded_from": [post.forwarded_from for post in posts],
            "media": [post.media for post in posts],
            "views": [post.views for post in posts],
            "reactions": [to_json(post.reactions) if post.reactions else None for post in posts],
            "extra": [_extra(post) for post in posts],
            "fault": [one.fault for one in annotated],
            "file": [origin.file for origin in origins],
            "file_sha256": [origin.file_sha256 for origin in origins],
            "locator": [origin.locator for origin in origins],
            "reader": [origin.reader for origin in origins],
            "run_id": [run_id] * len(posts),
        },
    )


def places_table(annotated: Sequence[AnnotatedPost]) -> pa.Table:
    """The rows of the table `places`, in the order of the posts."""
    rows = [(one.post, number, mention) for one in annotated for number, mention in enumerate(one.places)]
    mentions = [mention for _, _, mention in rows]
    best = [mention.candidates[0].place for mention in mentions]
    phrases = [mention.phrase or mention.span for mention in mentions]
    return _table(
        "places",
        len(rows),
        {
            **_mention_columns(rows, "p"),
            "phrase_start": [phrase.start for phrase in phrases],
            "phrase_end": [phrase.end for phrase in phrases],
            "relation": [mention.relation for mention in mentions],
            "place_id": [place.place_id for place in best],
            "name": [place.name for place in best],
            "name_ar": [place.name_ar for place in best],
            "name_en": [place.name_en for place in best],
            "lat": [place.lat for place in best],
            "lon": [place.lon for place in best],
            "coordinate_kind": [place.coordinate_kind for place in best],
            "country": [place.country for place in best],
            "admin1": [place.admin1 for place in best],
            "admin2": [place.admin2 for place in best],
            "feature": [place.feature for place in best],
            "score": [mention.score for mention in mentions],
            "ambiguous": [mention.ambiguous for mention in mentions],
            "candidates": _candidates(mentions),
            "rule": [mention.rule for mention in mentions],
        },
    )


def dates_table(annotated: Sequence[AnnotatedPost]) -> pa.Table:
    """The rows of the table `dates`, in the order of the posts."""
    rows = [(one.post, number, mention) for one in annotated for number, mention in enumerate(one.dates)]
    mentions = [mention for _, _, mention in rows]
    return _table(
        "dates",
        len(rows),
        {
            **_mention_columns(rows, "d"),
            "date_from": [mention.date_from for mention in mentions],
            "date_to": [mention.date_to for mention in mentions],
            "open": [mention.open for mention in mentions],
            "edtf": [mention.edtf for mention in mentions],
            "timex": [mention.timex for mention in mentions],
            "grain": [mention.grain for mention in mentions],
            "calendar": [mention.calendar for mention in mentions],
            "part_of_day": [mention.part_of_day for mention in mentions],
            "anchor": [mention.anchor for mention in mentions],
            "anchor_date": [mention.anchor_date for mention in mentions],
            "confidence": [mention.confidence for mention in mentions],
            "flags": [mention.flags for mention in mentions],
            "alternatives": [mention.alternatives for mention in mentions],
            "rule": [mention.rule for mention in mentions],
        },
    )


def to_json(value: dict[str, Any]) -> str:
    """One line of JSON, keys in their own order; what JSON cannot hold is written as `str` writes it.

    >>> to_json({"n": 1, "at": EPOCH, "name": "حلب"})
    '{"n":1,"at":"1970-01-01T00:00:00Z","name":"حلب"}'
    """
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError):
        plain = {str(key): item for key, item in value.items()}
        return whole(json.dumps(plain, ensure_ascii=False, separators=(",", ":"), default=str, skipkeys=True))


def _mention_columns(
    rows: Sequence[tuple[Post, int, PlaceMention]] | Sequence[tuple[Post, int, DateMention]], letter: str
) -> dict[str, list[Any]]:
    spans = [mention.span for _, _, mention in rows]
    return {
        "post_id": [post.post_id for post, _, _ in rows],
        "mention": [f"{post.post_id}/{letter}{number}" for post, number, _ in rows],
        "source": [post.source for post, _, _ in rows],
        "posted_at": [post.posted_at for post, _, _ in rows],
        "start": [span.start for span in spans],
        "end": [span.end for span in spans],
        "surface": [mention.span.of(post.text) for post, _, mention in rows],
    }


def _candidates(mentions: Sequence[PlaceMention]) -> pa.ListArray:
    """The candidates of every mention; built flat, some ten times as fast as from dicts."""
    offsets = np.zeros(len(mentions) + 1, dtype=np.int32)
    np.cumsum([len(mention.candidates) for mention in mentions], out=offsets[1:])
    flat = [candidate for mention in mentions for candidate in mention.candidates]
    places = [candidate.place for candidate in flat]
    structs = pa.StructArray.from_arrays(
        [
            _strings([place.place_id for place in places]),
            _strings([place.name for place in places]),
            pa.array([place.lat for place in places], pa.float64()),
            pa.array([place.lon for place in places], pa.float64()),
            _strings([place.country for place in places]),
            pa.array([candidate.score for candidate in flat], pa.float64()),
        ],
        fields=list(CANDIDATE),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), structs).cast(type_of["places"]["candidates"])


def _extra(post: Post) -> str | None:
    """The JSON of what the export holds besides.  The key `history` is the store's own."""
    if not post.extra and post.forwarded_local is None:
        return None
    extra = dict(post.extra)
    if "history" in extra:
        extra = {("export_history" if key == "history" else key): value for key, value in extra.items()}
    if post.forwarded_local is not None:
        extra["forwarded_local"] = post.forwarded_local.isoformat()
    return to_json(extra)


def _table(name: str, length: int, columns: dict[str, Any]) -> pa.Table:
    """A table of exactly the schema's columns, in the schema's order."""
    schema = TABLES[name]
    arrays = [_array(columns[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema) if length else schema.empty_table()


def _array(values: Any, type_: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if type_ == pa.string():
        return _strings(values)
    if pa.types.is_dictionary(type_):
        return _strings(values).dictionary_encode().cast(type_)
    if pa.types.is_list(type_):
        try:
            return pa.array(values, type_)
        except UnicodeEncodeError:
            return pa.array([[whole(item) for item in items] for items in values], type_)
    try:
        return pa.array(values, type_)
    except OverflowError:  # a count beyond 64 bits is no count
        return pa.array([None if value is None or abs(value) >> 63 else value for value in values], type_)


def _strings(values: Iterable[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else whole(value) for value in values], pa.string())
