"""The columns of the dataset, once for all files; each carries its own sentence."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from pipeline.storage.manifest import SCHEMA_VERSION

__all__ = ["CANDIDATE", "SCHEMA_VERSION", "TABLES", "column_notes"]


def _column(name: str, type_: pa.DataType, note: str, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, type_, nullable=nullable, metadata={b"note": note.encode()})


_TEXT: Final = pa.string()
_LIST: Final = pa.list_(pa.field("element", pa.string()))
_UTC: Final = pa.timestamp("us", tz="UTC")
_CLOCK: Final = pa.timestamp("us")
_SOURCE: Final = pa.dictionary(pa.int32(), pa.string())

CANDIDATE: Final = pa.struct(
    [
        pa.field("place_id", pa.string()),
        pa.field("name", pa.string()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
        pa.field("country", pa.string()),
        pa.field("score", pa.float64()),
    ]
)

SEGMENT: Final = pa.struct(
    [
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("script", pa.string()),
        pa.field("language", pa.string()),
    ]
)

_POSTS: Final = pa.schema(
    [
        _column(
            "post_id",
            _TEXT,
            "platform:group:native id, or a content hash with its occurrence; unique in the table",
            nullable=False,
        ),
        _column("source", _SOURCE, "name of the source in config.yaml", nullable=False),
        _column("platform", _TEXT, "telegram, whatsapp, facebook, x, blog, ..."),
        _column("group_id", _TEXT, "id of the group that the post was in"),
        _column("group_name", _TEXT, "name of the group, as exported"),
        _column("native_id", _TEXT, "id that the platform gave the post; null where it gives none"),
        _column("kind", _TEXT, "post, comment, article, poll, ..."),
        _column("author_key", _TEXT, "same author, same key: a pseudonym, or the id where authors are kept"),
        _column("author_name", _TEXT, "name as exported; null unless authors are kept"),
        _column("posted_at", _UTC, "time of posting, UTC; null where the zone is not known"),
        _column("posted_local", _CLOCK, "clock reading at posting in the source's zone, without a zone"),
        _column("zone_source", _TEXT, "how the zone is known: epoch, offset, declared, inferred, unknown"),
        _column(
            "time_precision", _TEXT, "finest unit given: second, minute, day, month, year, estimate, unknown"
        ),
        _column("edited_at", _UTC, "time of the last edit, UTC; null where the export tells of none"),
        _column("text", _TEXT, "the post as exported; every span counts its code points"),
        _column("text_clean", _TEXT, "for display: without invisible signs and tatweel, no letter changed"),
        _column("text_normalized", _TEXT, "for matching: letter variants folded, marks dropped"),
        _column("language", _TEXT, "BCP 47: ar, en, fa, ckb, ar-Latn, ...; mul for mixed, und for none"),
        _column("language_confidence", pa.float64(), "0 to 1"),
        _column("language_method", _TEXT, "what decided: letters, words, arabizi, mixed, langdetect, ..."),
        _column("arabic_share", pa.float64(), "share of Arabic among the letters, 0 to 1"),
        _column("latin_share", pa.float64(), "share of Latin among the letters, 0 to 1"),
        _column(
            "segments",
            pa.list_(pa.field("element", SEGMENT)),
            "stretches of posts in several languages: code points of text, script (ISO 15924), BCP 47",
        ),
        _column("hashtags", _LIST, "hashtags in order, as written, without the sign"),
        _column("hashtag_words", _LIST, "the same hashtags with spaces where their words part"),
        _column("mentions", _LIST, "@handles in order, without the sign"),
        _column("urls", _LIST, "links in order"),
        _column("emoji", _LIST, "emoji in order, each with its modifiers"),
        _column("reply_to", _TEXT, "post_id of the post answered; a native id where it is elsewhere"),
        _column(
            "forwarded_from",
            _TEXT,
            "where it was forwarded from: the name of a channel, or where authors are kept; else a pseudonym",
        ),
        _column("media", _LIST, "attached files or kinds of media, as exported"),
        _column("views", pa.int64(), "views at the time of the export"),
        _column("reactions", _TEXT, "JSON object of reaction to count; null where there are none"),
        _column("extra", _TEXT, "JSON: what else the export holds; `history` lists earlier texts"),
        _column("fault", _TEXT, "a bug of ours that cost this post its annotations, in words; null is well"),
        _column("file", _TEXT, "export file that the row was read from"),
        _column("file_sha256", _TEXT, "SHA-256 of that file"),
        _column("locator", _TEXT, "where in the file: bytes, line or row"),
        _column("reader", _TEXT, "reader that read it"),
        _column("run_id", _TEXT, "run that wrote the row"),
    ]
)

_MENTION: Final = [
    _column("post_id", _TEXT, "joins to posts.post_id", nullable=False),
    _column("mention", _TEXT, "id of the mention; unique in the table", nullable=False),
    _column("source", _SOURCE, "name of the source in config.yaml", nullable=False),
    _column("posted_at", _UTC, "posts.posted_at, repeated"),
    _column("start", pa.int32(), "first code point of the mention in posts.text"),
    _column("end", pa.int32(), "code point after its last one"),
    _column("surface", _TEXT, "the words: posts.text[start:end]"),
]

_PLACES: Final = pa.schema(
    [
        *_MENTION,
        _column("phrase_start", pa.int32(), "first code point of the name with type word and direction"),
        _column("phrase_end", pa.int32(), "code point after its last one"),
        _column("relation", _TEXT, "how the phrase stands to the place: countryside_of, north_of, near, ..."),
        _column("place_id", _TEXT, "the likeliest place, by its id in the gazetteer"),
        _column("name", _TEXT, "its name for reports: English where there is one"),
        _column("name_ar", _TEXT, "its Arabic name"),
        _column("name_en", _TEXT, "its English name"),
        _column("lat", pa.float64(), "latitude, WGS 84 degrees"),
        _column("lon", pa.float64(), "longitude, WGS 84 degrees"),
        _column("coordinate_kind", _TEXT, "point; centroid of an area; inherited from what the place is in"),
        _column("country", _TEXT, "ISO 3166-1 alpha-2"),
        _column("admin1", _TEXT, "first-level division, English: governorate, province"),
        _column("admin2", _TEXT, "second-level division, English: district"),
        _column("feature", _TEXT, "country, governorate, district, city, town, village, region, ..."),
        _column("score", pa.float64(), "how sure it is that these words name a place, 0 to 1"),
        _column("ambiguous", pa.bool_(), "true where another place is almost as likely"),
        _column("candidates", pa.list_(pa.field("element", CANDIDATE)), "all possible places, best first"),
        _column("rule", _TEXT, "how it was found and decided"),
    ]
)

_DATES: Final = pa.schema(
    [
        *_MENTION,
        _column("date_from", pa.date32(), "first day; null where open or not countable"),
        _column("date_to", pa.date32(), "last day, inclusive; null where open or not countable"),
        _column("open", _TEXT, "none; end for 'since 2013'; start for 'until 2013'"),
        _column("edtf", _TEXT, "EDTF level 1 of what the words say: 2024-03 is a whole month"),
        _column("timex", _TEXT, "TIMEX3 value"),
        _column("grain", _TEXT, "day, week, month, season, year, decade, range"),
        _column("calendar", _TEXT, "calendar of the words: gregorian or hijri; days are Gregorian"),
        _column("part_of_day", _TEXT, "TIMEX3: MO, MI, AF, EV, NI, ..."),
        _column("anchor", _TEXT, "what relative words were counted from: none, post_time, text, event"),
        _column("anchor_date", pa.date32(), "the day that they were counted from"),
        _column("confidence", _TEXT, "high, medium, low"),
        _column("flags", _LIST, "doubts: ambiguous_order, weekday_conflict, year_inferred, ..."),
        _column("alternatives", _LIST, "other readings, EDTF"),
        _column("rule", _TEXT, "grammar rule that read it"),
    ]
)

_REJECTED: Final = pa.schema(
    [
        _column("source", _SOURCE, "name of the source in config.yaml", nullable=False),
        _column("file", _TEXT, "export file that holds the row"),
        _column("file_sha256", _TEXT, "SHA-256 of that file"),
        _column("locator", _TEXT, "where in the file: bytes, line or row"),
        _column("reader", _TEXT, "reader that refused it"),
        _column("reason", _TEXT, "code: bad_json, bad_time, no_id, truncated, ..."),
        _column("detail", _TEXT, "what was wrong, with the value"),
        _column("raw", _TEXT, "the row as exported, its first 4,096 characters"),
        _column("run_id", _TEXT, "run that refused it"),
    ]
)

TABLES: Final[dict[str, pa.Schema]] = {
    "posts": _POSTS,
    "places": _PLACES,
    "dates": _DATES,
    "rejected": _REJECTED,
}


def column_notes(table: str) -> list[tuple[str, str, str]]:
    """Name, type and sentence of every column of a table, in order: the data dictionary.

    >>> column_notes("places")[4]
    ('start', 'int32', 'first code point of the mention in posts.text')
    """
    return [(field.name, _type_name(field.type), field.metadata[b"note"].decode()) for field in TABLES[table]]


def _type_name(type_: pa.DataType) -> str:
    """A type in the words of a reader of the docs.

    >>> _type_name(pa.list_(pa.string()))
    'list<string>'
    """
    if pa.types.is_dictionary(type_):
        return "string (dictionary)"
    if pa.types.is_list(type_):
        return f"list<{_type_name(type_.value_type)}>"
    if pa.types.is_struct(type_):
        return "struct<" + ", ".join(f"{field.name}: {_type_name(field.type)}" for field in type_) + ">"
    if pa.types.is_timestamp(type_):
        return f"timestamp[{type_.unit}, {type_.tz}]" if type_.tz else f"timestamp[{type_.unit}]"
    if pa.types.is_date32(type_):
        return "date"
    return str(type_)


def dictionary() -> str:
    """The data dictionary, as docs/columns.md has it.  `make docs` prints it."""
    parts = [
        "# The columns of the dataset\n\n"
        "Printed from the schema by `make docs`; each sentence also stands in the parquet files.\n"
    ]
    for table in TABLES:
        parts.append(f"\n## {table}\n\n| column | type | note |\n|---|---|---|\n")
        parts += [f"| `{name}` | {kind} | {note} |\n" for name, kind, note in column_notes(table)]
    return "".join(parts)
