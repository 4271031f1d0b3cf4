"""Leave-one-event-out: how right names are judged in tweets of an event that the weights were not trained on.

For each event of IDRISI the trainer of `train_places` learns from all the others, the other corpora and our
own development posts, and is drawn to no weight but those set by hand.  The names are then judged one by
one, without the second look of the product, so that its own figures differ a little.  Needs scipy (the
`bench` extra).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.quality import HOME
from benchmarks.train_places import (
    centre_of,
    choose,
    count_names,
    count_words,
    examples,
    f1,
    fixed_of,
    recounted,
    texts,
    train,
)
from pipeline.config import cache_folder
from pipeline.places.gazetteer import open_gazetteer

CORPORA = {"ar": "idrisi_ra_train", "en": "idrisi_re_train"}


class HeldOut(Struct, frozen=True):
    """Figures of one event."""

    language: str
    event: str
    texts: int
    precision: float  # overlap
    recall: float
    overlap: float  # F1
    exact: float


def held_out(
    folder: Path, layers: Sequence[Path], languages: Sequence[str] = ("ar", "en")
) -> Iterator[HeldOut]:
    """Train without each event in turn, and judge it; `folder` is laid out like that of `MARSAD_EVAL`."""
    every = list(texts(folder))
    gazetteer = open_gazetteer(cache_folder(), HOME, layers)
    for language in languages:
        foreign = CORPORA[{"ar": "en", "en": "ar"}[language]]
        labelled = [text for text in every if text.corpus != foreign]
        chosen = [one for one in examples(labelled, gazetteer) if one.language == language]
        names = count_names(labelled, chosen)
        chosen = recounted(chosen, count_words(labelled), names)
        events: dict[str, list[int]] = {}
        for number, text in enumerate(labelled):
            if text.corpus == CORPORA[language]:
                events.setdefault(text.event, []).append(number)
        for event, numbers in sorted(events.items()):
            model = train(
                [one for one in chosen if one.event != event], centre_of(language), fixed_of(language)
            )
            held = set(numbers)
            spans = choose((one for one in chosen if one.text in held), model)
            yield HeldOut(language, event, len(numbers), *f1(labelled, numbers, spans))
