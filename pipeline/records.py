"""The nouns of marsad: posts, mentions and where they came from.

Frozen, typed, and without methods that reach for a file or a clock.  Spans are half-open code points of
the text as exported; times are aware UTC unless a name says `local`; calendar periods are inclusive days.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Literal

from msgspec import Struct, field

ZoneSource = Literal["epoch", "offset", "declared", "inferred", "unknown"]
TimePrecision = Literal["second", "minute", "day", "month", "year", "estimate", "unknown"]


REGION_OF_INTEREST: Final = ("SY", "LB", "IQ", "TR")  # where nothing else is said: Syria and its neighbors


class Span(Struct, frozen=True, gc=False):
    """Code points `start` up to, but not including, `end`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The words themselves.

        >>> Span(3, 6).of("in Hama")
        'Ham'
        """
        return text[self.start : self.end]


class Origin(Struct, frozen=True):
    """Where a row was read: enough to find the very bytes again."""

    file: str  # path as the source's pattern found it, relative to the configuration's folder
    file_sha256: str
    locator: str  # "bytes 120-480", "lines 7-9", "row 12 (line 15)", "member a.txt, line 7", "whole file"
    reader: str  # name in READERS


class Post(Struct, frozen=True, kw_only=True):
    """One message of a group.  `text` stays as exported, for ever."""

    post_id: str  # platform:group:native id, or a content hash with an occurrence number
    source: str
    platform: str  # telegram, whatsapp, facebook, x, blog, ...
    group_id: str
    group_name: str | None = None
    native_id: str | None = None
    kind: str = "post"  # post, comment, article, poll, ...
    author_id: str | None = None
    author_name: str | None = None
    posted_at: datetime | None = None  # aware UTC; None where the zone is not known
    posted_local: datetime | None = None  # naive clock reading in the source's zone
    zone_source: ZoneSource = "unknown"
    time_precision: TimePrecision = "unknown"
    edited_at: datetime | None = None  # aware UTC
    text: str = ""
    reply_to: str | None = None  # post_id where the target is in the same group, else the native id
    forwarded_from: str | None = None
    forwarded_local: datetime | None = None  # when the original was posted, naive, in the source's zone
    media: tuple[str, ...] = ()
    views: int | None = None
    reactions: dict[str, int] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)  # what the export holds besides; JSON-ready
    origin: Origin


class Reason(StrEnum):
    """Why a row was refused.  The value is the code that `marsad rejected --reason` takes."""

    BAD_JSON = "bad_json"
    BAD_ENCODING = "bad_encoding"
    BAD_ROW = "bad_row"  # wrong number of fields, a runaway quote
    BAD_TIME = "bad_time"
    NO_TIME = "no_time"
    NO_TEXT = "no_text"  # the column or field that should hold the text is not there
    NO_ID = "no_id"
    NOT_AN_OBJECT = "not_an_object"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    BAD_FILE = "bad_file"  # a file or a member of an archive that cannot be read, or not to its end
    TRUNCATED = "truncated"
    STRAY_TEXT = "stray_text"  # words before the first head of a message


class Rejection(Struct, frozen=True, kw_only=True):
    """A row that is not a post, kept with its reason so that it can be replayed."""

    source: str
    origin: Origin
    reason: Reason
    detail: str  # what was wrong, with the value, and what to do
    raw: str  # the first RAW_LIMIT characters of the row


RAW_LIMIT = 4096


class NonPost(Struct, frozen=True, kw_only=True):
    """A row that the exporter itself wrote: a service line, a join, an encryption notice."""

    origin: Origin
    what: str


class Language(Struct, frozen=True):
    """The language that a post is written in."""

    tag: str  # BCP 47: ar, en, fa, ckb, ar-Latn, ...; mul for mixed, und for none
    confidence: float  # 0..1, calibrated per method
    method: str  # noletters, letters, words, vocabulary, arabizi, mixed, lines, script, or the detector asked
    arabic_share: float  # of the letters, 0..1
    latin_share: float


class Segment(Struct, frozen=True):
    """A stretch of a post in one script and language; the segments of a post do not overlap."""

    span: Span
    script: str  # ISO 15924: Arab, Latn, Cyrl, ...
    tag: str  # BCP 47; und where it is too short to tell


class DateHabits(Struct, frozen=True):
    """How a group writes its dates."""

    profile: Literal["precise", "recall"] = "precise"  # recall: bare months, years and weekdays as well
    day_order: Literal["dmy", "mdy"] = "dmy"  # of 5/3/2015, where both are possible
    feasts: tuple[
        tuple[str, str], ...
    ] = ()  # name and day: "2011-04-22", "--04-17" (each year), "hijri 01-10"


class Group(Struct, frozen=True):
    """What is known beforehand of the group whose posts are read: priors, never filters."""

    home: tuple[str, ...] = ()  # where it lives: ISO 3166-1 alpha-2, or with a governorate "SY/Idlib"
    dates: DateHabits = DateHabits()


class Anchor(Struct, frozen=True):
    """The day from which the relative words of a post count, and what makes it doubtful."""

    day: date | None = None  # in the source's zone; None where it is not known
    near_midnight: bool = False  # the clock was close to a change of day
    other_day: date | None = None  # near midnight: the day that may be meant as well
    reshared: bool = False  # a forward of which the original's day is not known


class Place(Struct, frozen=True, gc=False):
    """A thing on the map."""

    place_id: str
    name: str  # what a report would print: English where there is one
    name_ar: str | None
    name_en: str | None
    lat: float  # WGS 84 degrees
    lon: float
    country: str | None  # ISO 3166-1 alpha-2
    admin1: str | None  # name of the first-level division, English
    admin2: str | None
    feature: str  # country, governorate, district, subdistrict, city, town, village, quarter, region, ...
    population: int = 0
    source: str = ""  # where the facts are from
    coordinate_kind: Literal["point", "centroid", "inherited"] = "point"  # inherited: those of what it is in


class Candidate(Struct, frozen=True, gc=False):
    """One possible place for a mention."""

    place: Place
    score: float  # 0..1; the candidates of a mention add up to 1 at most


class PlaceMention(Struct, frozen=True, kw_only=True, gc=False):
    """Words in a post that name a place, and the places that they can mean.

    `candidates` is ordered, the best first, and never empty.  `ambiguous` says that the runner-up is
    too close for the first to be believed alone.
    """

    span: Span
    candidates: tuple[Candidate, ...]
    score: float  # 0..1: how sure it is that these words name a place at all
    ambiguous: bool
    rule: str  # how it was found and decided, for `marsad explain`
    phrase: Span | None = (
        None  # the name with type word and direction: "ريف حماة الغربي"; None: the name alone
    )
    relation: str | None = None  # how the phrase stands to the place, one of places.phrases.RELATIONS

    @property
    def place(self) -> Place:
        return self.candidates[0].place


class DateMention(Struct, frozen=True, kw_only=True):
    """Words in a post that name a day, a month or a year.

    `date_from` and `date_to` are both inside the period, so that "March 2024" is 2024-03-01 .. 2024-03-31
    and never one day picked out of it.  Both are None where the words name a time that cannot be counted
    (no day of posting is known, or the words hang on an event).
    """

    span: Span
    date_from: date | None
    date_to: date | None
    open: Literal["none", "start", "end"] = "none"  # end: "since 2013"; start: "until 2013"
    edtf: str  # EDTF level 1 of what the words say: 2024-03-05, 2024-03, 2012/2013, 2013/.., 2015-09-23~
    timex: str  # TIMEX3 value: 2024-03-05, 2024-W07, XXXX-WXX-5, ...
    grain: Literal["day", "week", "month", "season", "year", "decade", "range"]
    calendar: Literal["gregorian", "hijri"] = "gregorian"
    part_of_day: str | None = None  # TIMEX3: MO, MI, AF, EV, NI, ...
    anchor: Literal["none", "post_time", "text", "event"] = "none"
    anchor_date: date | None = None  # the day that it was counted from
    confidence: Literal["high", "medium", "low"] = "high"
    flags: tuple[str, ...] = ()  # ambiguous_order, weekday_conflict, year_inferred, hijri_pm1, ...
    alternatives: tuple[str, ...] = ()  # other readings, EDTF
    rule: str  # the grammar rule that read it


class AnnotatedPost(Struct, frozen=True, kw_only=True):
    """A post and what was read in it.  `fault` is our own bug, in words; the post is kept."""

    post: Post
    text_clean: str = ""
    text_normalized: str = ""
    language: Language = Language("und", 0.0, "none", 0.0, 0.0)
    segments: tuple[Segment, ...] = ()  # of posts in more than one script or language; else empty
    hashtags: tuple[str, ...] = ()  # without the sign, as written
    hashtag_words: tuple[str, ...] = ()  # the same, with spaces where the words part: "ريف حماة"
    mentions: tuple[str, ...] = ()  # @handles, without the sign
    urls: tuple[str, ...] = ()
    emoji: tuple[str, ...] = ()  # in order, each a whole sequence
    places: tuple[PlaceMention, ...] = ()
    dates: tuple[DateMention, ...] = ()
    fault: str | None = None


class Settings(Struct, frozen=True):
    """All that a worker needs to open its own toolkit."""

    cache: str  # folder of the compiled gazetteer
    home: tuple[str, ...] = REGION_OF_INTEREST  # ISO 3166-1 alpha-2
    layers: tuple[str, ...] = ()  # the user's own place tables
    detector: str = "langdetect"  # of languages: langdetect, lingua or pycld2
    recognizers: tuple[str, ...] = ()  # folders of models that find names of places as well
    pack: str | None = None  # digest of the compiled gazetteer, where it is known to be in `cache`
