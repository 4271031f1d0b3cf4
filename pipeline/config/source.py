"""What config.yaml may say of a source: one field for each key with its meaning."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.config.checks import (
    as_days,
    as_masks,
    as_several,
    check_columns,
    check_cron,
    check_delimiter,
    check_encoding,
    check_feast_day,
    check_feast_name,
    check_feasts,
    check_files,
    check_home,
    check_reader,
    check_source_name,
    check_time_format,
    check_zone,
    fold,
)
from pipeline.records import DateHabits, Group

Text = Annotated[str, Field(strict=True, min_length=1)]
Home = Annotated[Text, AfterValidator(check_home)]
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, BeforeValidator(as_days)]
FeastName = Annotated[Text, AfterValidator(check_feast_name)]
FeastDay = Annotated[Text, AfterValidator(check_feast_day)]


class Model(BaseModel):
    """Keys that are all known, and values that do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Expect(Model):
    """What a run of a source must meet."""

    min_posts: Annotated[int | None, Field(strict=True, ge=0)] = Field(
        default=None,
        description="Fewer posts are not published; the last good rows stay.",
        examples=[50],
    )
    max_rejected: Share = Field(
        default=0.5,
        description="Share of the rows read; where more are rejected the run is published and ends with "
        "exit code 3.",
        examples=[0.02],
    )
    max_shrink: Share = Field(
        default=0.5,
        description="Share of the posts there were; a greater loss is not published, unless with --force.",
        examples=[0.2],
    )


class Retention(Model):
    """How long rows of a source are kept; for ever where nothing is said."""

    posts: Days | None = Field(default=None, description="Days since they were posted.", examples=["365d"])
    rejected: Days | None = Field(
        default=None, description="Days since the run that first refused them.", examples=["30d"]
    )


class Dates(Model):
    """How a source writes its dates."""

    profile: Literal["precise", "recall"] = Field(
        default="precise",
        description="`recall` also reads words that are dates only mostly.",
        examples=["recall"],
    )
    day_order: Literal["dmy", "mdy"] = Field(
        default="dmy",
        description="Of 5/3/2015 inside a post, where both are possible.",
        examples=["mdy"],
    )
    feasts: Annotated[dict[FeastName, FeastDay], AfterValidator(check_feasts)] = Field(
        default={},
        description="Days that the group calls by a name: the words, and a day (2011-04-29), a day of "
        "every year "
        "(--04-17) or a Hijri day of every year (hijri 10-01).",
        examples=[{"يوم الجلاء": "--04-17"}],
    )

    def over(self, usual: Dates) -> Dates:
        """What is said here; where nothing is, what `usual` says.  The feasts of both, ours first."""
        told = {name: getattr(self if name in self.model_fields_set else usual, name) for name in _DATES_KEYS}
        known = {fold(name) for name in self.feasts}
        more = {name: day for name, day in usual.feasts.items() if fold(name) not in known}
        return Dates(**told, feasts={**self.feasts, **more})

    @property
    def as_habits(self) -> DateHabits:
        return DateHabits(self.profile, self.day_order, tuple(self.feasts.items()))


_DATES_KEYS: Final = ("profile", "day_order")


class Source(Model):
    """A named stream of exports."""

    name: Annotated[Text, AfterValidator(check_source_name)] = Field(
        description="Letters A-Z and a-z, digits, _ and -. It names the rows, so it stays.",
        examples=["ghab_telegram"],
    )
    files: Annotated[
        tuple[Text, ...], BeforeValidator(as_several), Field(min_length=1), AfterValidator(check_files)
    ] = Field(
        description="Files of the source: a pattern with * and ?, ** for folders at any depth, or a list of "
        "patterns; relative ones count from the configuration's folder.  Also URLs with such patterns, of S3 "
        "and every store that fsspec knows: s3://bucket/exports/*.json.",
        examples=["exports/ghab/*.json"],
    )
    reader: Annotated[Text, AfterValidator(check_reader)] = Field(
        default="auto",
        description="The format, as docs/formats.md names it; `auto` tells it from each file.",
        examples=["jsonl"],
    )
    zone: Annotated[Text, AfterValidator(check_zone)] | None = Field(
        default=None,
        description="Time zone of the group's clocks (IANA): for times without an offset, and for the "
        "day that "
        "'yesterday' counts from.",
        examples=["Asia/Damascus"],
    )
    home: Annotated[tuple[Home, ...], BeforeValidator(as_several)] = Field(
        default=(),
        description="Where the group lives: ISO code of a country, or country and governorate; several "
        "as a list. "
        "It helps with names that many places bear.",
        examples=["SY", "SY/Idlib"],
    )
    schedule: Annotated[Text, AfterValidator(check_cron)] | None = Field(
        default=None,
        description="When `marsad schedule` runs the source: minute hour day month weekday, in its "
        "zone. Without "
        "it the source runs by hand only.",
        examples=["15 */6 * * *"],
    )
    authors: Literal["keep", "pseudonym", "drop"] = Field(
        default="pseudonym",
        description="What stands for authors in the dataset; see docs/people.md.",
        examples=["drop"],
    )
    mask: Annotated[
        tuple[Literal["phones", "handles", "emails"], ...],
        BeforeValidator(as_several),
        AfterValidator(as_masks),
    ] = Field(
        default=(),
        description="In texts, letters and digits of these become *.",
        examples=[["phones", "handles", "emails"]],
    )
    retention: Retention = Field(
        default=Retention(),
        description="How long rows are kept.",
        examples=[{"posts": "365d", "rejected": "30d"}],
    )
    columns: Annotated[dict[str, Text], BeforeValidator(check_columns)] = Field(
        default={},
        description="For tables, JSON and JSON lines: our name to theirs, with dots into objects. Ours "
        "are text, "
        "posted_at (or posted_date and posted_time), id, author_id, author_name, group_id, group_name, kind, "
        "reply_to, forwarded_from, edited_at, media, views and url.",
        examples=[{"text": "Message", "posted_at": "Post Created"}],
    )
    time_format: Annotated[Text, AfterValidator(check_time_format)] | None = Field(
        default=None,
        description="How a table writes its times, where they are not recognized: strptime signs, or epoch, "
        "epoch_ms, epoch_us.",
        examples=["%d/%m/%Y %H:%M"],
    )
    day_order: Literal["auto", "dmy", "mdy"] = Field(
        default="auto",
        description="Of 3/4/2025 in the times of the export, where the file leaves it open.",
        examples=["dmy"],
    )
    delimiter: Annotated[Text, AfterValidator(check_delimiter)] | None = Field(
        default=None,
        description="Of a text table: one sign, or tab, comma, semicolon, pipe; told from the file "
        "without it.",
        examples=[";"],
    )
    encoding: Annotated[Text, AfterValidator(check_encoding)] | None = Field(
        default=None,
        description="Of a text file, as Python names it; told from the file without it.",
        examples=["windows-1256"],
    )
    platform: Text | None = Field(
        default=None,
        description="For tables: what stands in the column `platform`, and before each post_id.",
        examples=["telegram"],
    )
    group: Text | None = Field(
        default=None,
        description="For tables of one group: what stands in the column `group_id`.",
        examples=["homs_today"],
    )
    dates: Dates = Field(
        default=Dates(),
        description="How the group writes dates, where it differs from `dates` above.",
        examples=[{"day_order": "mdy"}],
    )
    expect: Expect = Field(
        default=Expect(),
        description="What a run must meet.",
        examples=[{"min_posts": 50, "max_rejected": 0.02}],
    )

    @property
    def as_group(self) -> Group:
        """What the source says of its group beforehand."""
        return Group(self.home, self.dates.as_habits)
