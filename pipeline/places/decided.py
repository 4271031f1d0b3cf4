"""How the place of each name of a text was decided: its candidates, and what every cue added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.places.gazetteer import Gazetteer
from pipeline.places.reading import read_post
from pipeline.places.recognize import recognizer
from pipeline.places.resolve import reasons_of, setting_of
from pipeline.text import find_marks, normalize_batch, tokenize

SHOWN: Final = 4  # candidates of a name
TOLD: Final = 0.05  # of a score; smaller parts are not told


def decided(text: str, gazetteer: Gazetteer, home: Sequence[str] = ()) -> list[str]:
    """Lines of text: each name that was taken for a place, then its best candidates, indented.

    A candidate's line gives its score, by which the shares are made, and the parts of it: how well known it
    is, home, the words beside the name, and what the other names of the text add.
    """
    setting = setting_of(home, gazetteer)
    judge = recognizer(gazetteer, setting.countries)
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    options = judge.options(tokens)
    starts = [at for at, ways in enumerate(options) if ways]
    found = judge.candidates(tokens, 0, starts, options)
    judge.lower_far(found, tokens, 0)
    reading = read_post(found, tokens, 0, judge, setting)
    if reading is None:
        return []
    lines: list[str] = []
    reasons = reasons_of(reading.asked, gazetteer, setting)
    parts = zip(reading.names, reading.phrases, reading.resolved, reasons, strict=True)
    for name, phrase, resolved, places in parts:
        words = tokens.normalized.span(tokens.starts[name.first] + name.strip, tokens.ends[name.last - 1])
        relation = f", {phrase.relation}" if phrase else ""
        doubt = ", ambiguous" if resolved.ambiguous else ""
        lines.append(f"{words.of(text)}{relation}: {resolved.decided}{doubt}")
        for number, score, made_of in places[:SHOWN]:
            place = gazetteer.place(number)
            within = ", ".join(filter(None, (place.feature, place.admin1, place.country)))
            told = ", ".join(f"{what} {value:+.1f}" for what, value in made_of if abs(value) >= TOLD)
            lines.append(f"  {score:.1f}  {place.name} ({within}) {place.place_id} = {told}")
        if len(places) > SHOWN:
            lines.append(f"  and {len(places) - SHOWN} more")
    return lines
