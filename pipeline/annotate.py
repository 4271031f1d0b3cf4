"""The heart: a batch of posts in, annotated posts out, one for one.

Any engine that can map a function over batches can run this.  What is heavy, the toolkit, is opened once
in each worker from small frozen settings; it never travels.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from pipeline.dates import find_dates
from pipeline.dates.anchors import other_day
from pipeline.language import detect_with_segments, require
from pipeline.places import find_places
from pipeline.places.gazetteer import Gazetteer, open_gazetteer, open_pack
from pipeline.places.plugins import Plugin, open_plugin
from pipeline.records import (
    Anchor,
    AnnotatedPost,
    DateMention,
    Group,
    Origin,
    PlaceMention,
    Post,
    Settings,
)
from pipeline.text import clean_batch, find_marks, normalize_batch, tokenize

__all__ = ["NOWHERE", "Settings", "Toolkit", "anchor_of", "annotate", "as_json", "text_post"]

NOWHERE: Final = Group()  # nothing is known of the group


class Toolkit(Struct, frozen=True):
    """What annotating needs besides the posts: read-only, shared between batches."""

    gazetteer: Gazetteer
    detector: str = "langdetect"
    recognizers: tuple[Plugin, ...] = ()

    @classmethod
    def open(cls, settings: Settings) -> Toolkit:
        """Open, or at the first call on a machine compile, the gazetteer.

        Raises `ConfigError` where the package of the detector is not installed, or a model does not open.
        """
        require(settings.detector)
        if settings.pack is not None:
            gazetteer = open_pack(Path(settings.cache), settings.pack)
        else:
            layers = [Path(layer) for layer in settings.layers]
            gazetteer = open_gazetteer(Path(settings.cache), settings.home, layers)
        return cls(gazetteer, settings.detector, tuple(map(open_plugin, settings.recognizers)))


def annotate(posts: Sequence[Post], toolkit: Toolkit, group: Group = NOWHERE) -> list[AnnotatedPost]:
    """Annotate a batch; the result has the posts' own length and order.

    `group` is what is known beforehand of the group that the posts are from.  A bug of ours costs a post
    its mentions and is kept as its fault; it never costs the post, and never its neighbors' mentions.
    """
    try:
        return _annotate(posts, toolkit, group)
    except Exception:  # noqa: BLE001  the package's one broad except: find the post that it was
        return [_guarded(post, toolkit, group) for post in posts]


def _guarded(post: Post, toolkit: Toolkit, group: Group) -> AnnotatedPost:
    try:
        return _annotate([post], toolkit, group)[0]
    except Exception as bug:  # noqa: BLE001  as above: keep the post
        return AnnotatedPost(post=post, fault=f"{type(bug).__name__}: {bug}")


def _annotate(posts: Sequence[Post], toolkit: Toolkit, group: Group) -> list[AnnotatedPost]:
    texts = [post.text for post in posts]
    normalized = normalize_batch(texts)
    marks = find_marks(texts)
    tokens = tokenize(normalized, marks)
    languages, segments = detect_with_segments(tokens, toolkit.detector)
    columns = zip(
        posts,
        clean_batch(texts),
        normalized.posts(),
        languages,
        segments,
        marks.hashtags,
        marks.hashtag_words,
        marks.mentions,
        marks.urls,
        marks.emoji,
        find_places(tokens, toolkit.gazetteer, group.home, toolkit.recognizers),
        find_dates(tokens, list(map(anchor_of, posts)), group.dates),
        strict=True,
    )
    return [
        AnnotatedPost(
            post=post,
            text_clean=clean,
            text_normalized=folded,
            language=language,
            segments=parts,
            hashtags=hashtags,
            hashtag_words=hashtag_words,
            mentions=mentions,
            urls=urls,
            emoji=emoji,
            places=places,
            dates=dates,
        )
        for (
            post,
            clean,
            folded,
            language,
            parts,
            hashtags,
            hashtag_words,
            mentions,
            urls,
            emoji,
            places,
            dates,
        ) in columns
    ]


def anchor_of(post: Post) -> Anchor:
    """The day from which the post's relative words count: the original's day in a forward that gives it.

    There is none where the export knows the month, the year or an estimate only.
    """
    if post.forwarded_local is not None:
        return _anchor(post.forwarded_local)
    local = post.posted_local
    reshared = post.forwarded_from is not None
    if local is None or post.time_precision in ("month", "year", "estimate"):
        return Anchor(reshared=reshared)
    by_clock = post.time_precision in ("second", "minute")
    return _anchor(local, reshared) if by_clock else Anchor(local.date(), reshared=reshared)


def _anchor(local: datetime, reshared: bool = False) -> Anchor:
    other = other_day(local)
    return Anchor(local.date(), other is not None, other, reshared)


def text_post(number: int, text: str, published_at: datetime | None = None, zone: str = "UTC") -> Post:
    """A post made of a bare text, for notebooks and for `marsad annotate`.

    An aware `published_at` is converted to `zone`, a naive one is read as the clock there.
    Raises `ZoneInfoNotFoundError` for a zone that does not exist.
    """
    at = local = None
    if published_at is not None:
        place = ZoneInfo(zone)
        at = published_at if published_at.tzinfo else published_at.replace(tzinfo=place)
        local = at.astimezone(place).replace(tzinfo=None)
        at = at.astimezone(UTC)
    return Post(
        post_id=f"text:annotate:{number}",
        source="annotate",
        platform="text",
        group_id="annotate",
        native_id=str(number),
        posted_at=at,
        posted_local=local,
        zone_source="declared" if local else "unknown",
        time_precision="second" if local else "unknown",
        text=text,
        origin=Origin("", "", f"row {number}", "text"),
    )


def as_json(annotated: AnnotatedPost, post_id: Any) -> dict[str, Any]:
    """One annotated post as `marsad annotate` prints it."""
    text = annotated.post.text
    return {
        "id": post_id,
        "text_normalized": annotated.text_normalized,
        "language": annotated.language.tag,
        "language_confidence": annotated.language.confidence,
        "places": [_place_json(mention, text) for mention in annotated.places],
        "dates": [_date_json(mention, text) for mention in annotated.dates],
        "fault": annotated.fault,
    }


def _place_json(mention: PlaceMention, text: str) -> dict[str, Any]:
    place = mention.place
    return {
        "start": mention.span.start,
        "end": mention.span.end,
        "surface": mention.span.of(text),
        "phrase_start": (mention.phrase or mention.span).start,
        "phrase_end": (mention.phrase or mention.span).end,
        "relation": mention.relation,
        "place_id": place.place_id,
        "name": place.name,
        "name_ar": place.name_ar,
        "name_en": place.name_en,
        "lat": place.lat,
        "lon": place.lon,
        "coordinate_kind": place.coordinate_kind,
        "country": place.country,
        "admin1": place.admin1,
        "admin2": place.admin2,
        "feature": place.feature,
        "score": mention.score,
        "ambiguous": mention.ambiguous,
        "rule": mention.rule,
    }


def _date_json(mention: DateMention, text: str) -> dict[str, Any]:
    return {
        "start": mention.span.start,
        "end": mention.span.end,
        "surface": mention.span.of(text),
        "date_from": mention.date_from.isoformat() if mention.date_from else None,
        "date_to": mention.date_to.isoformat() if mention.date_to else None,
        "open": mention.open,
        "edtf": mention.edtf,
        "timex": mention.timex,
        "grain": mention.grain,
        "calendar": mention.calendar,
        "confidence": mention.confidence,
        "flags": list(mention.flags),
        "rule": mention.rule,
    }
