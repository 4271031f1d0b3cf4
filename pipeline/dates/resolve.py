"""From the words of one mention to days: the resolvers that the table date_rules names.

A resolver is a function of the words and of what it is told.  It returns None where the words name no date
after all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipeline.dates import counting, feasts, naming, periods, spanning
from pipeline.dates.reading import Reading
from pipeline.dates.slots import Context, Slots

Resolver = Callable[[Slots, Context], Reading | None]
RESOLVERS: Final[dict[str, Resolver]] = {
    "relative": counting.relative,
    "this_part": counting.this_part,
    "told_day": counting.told_day,
    "told_beside": counting.told_beside,
    "ago": counting.ago,
    "ahead": counting.ahead,
    "later": counting.later,
    "weekdays_away": counting.weekdays_away,
    "window": counting.window,
    "unit": counting.unit,
    "day_of_unit": counting.day_of_unit,
    "weekend": counting.weekend,
    "full": naming.full,
    "day_month_digits": naming.day_month_digits,
    "year_month": naming.year_month,
    "day_month": naming.day_month,
    "hijri": naming.hijri,
    "month": naming.month,
    "year": naming.year,
    "short_year": naming.short_year,
    "year_name": naming.year_name,
    "weekday": naming.weekday,
    "night_between": naming.night_between,
    "day_alone": naming.day_alone,
    "season_told": periods.season_told,
    "weekday_number": naming.weekday_number,
    "weekday_of_week": naming.weekday_of_week,
    "nth_weekday": naming.nth_weekday,
    "nth_weekday_after": feasts.nth_weekday_after,
    "nth_day": naming.nth_day,
    "nth_week": naming.nth_week,
    "week_of_day": naming.week_of_day,
    "quarter": periods.quarter,
    "fuzzy": periods.fuzzy,
    "season": periods.season,
    "decade": periods.decade,
    "century": periods.century,
    "half": periods.half,
    "feast": feasts.feast,
    "feast_beside": feasts.feast_beside,
    "named_friday": feasts.named_friday,
    "day_span": spanning.day_span,
    "hijri_span": spanning.hijri_span,
    "day_list": spanning.day_list,
    "weekday_list": spanning.weekday_list,
    "weekday_pair": spanning.weekday_pair,
    "weekday_or": spanning.weekday_or,
    "season_list": spanning.season_list,
    "month_list": spanning.month_list,
    "month_span": spanning.month_span,
    "digits_span": spanning.digits_span,
    "year_span": spanning.year_span,
}
