"""Why a name of the gazetteer was taken for a place in a text, or refused: the parts of its score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.places.gazetteer import Gazetteer
from pipeline.places.name_score import Context, Name, own_parts
from pipeline.places.recognize import ACCEPT, Recognizer
from pipeline.text import find_marks, normalize_batch, tokenize

TOLD: Final = 0.15  # log-odds; smaller parts are not told
SHOWN: Final = 12  # parts of a score


def refused(text: str, gazetteer: Gazetteer, home: Sequence[str] = ()) -> list[str]:
    """A line for each name of the gazetteer in the text that was not taken for a place, in order.

    A line says the words, the sum in log-odds and its largest parts; a name is taken above zero.  The second
    look at names beside accepted ones is not in it.
    """
    return _lines(text, gazetteer, home, accepted=False)


def taken(text: str, gazetteer: Gazetteer, home: Sequence[str] = ()) -> list[str]:
    """The same for the names that were taken for a place."""
    return _lines(text, gazetteer, home, accepted=True)


def _lines(text: str, gazetteer: Gazetteer, home: Sequence[str], accepted: bool) -> list[str]:
    judge = Recognizer(gazetteer, tuple(code.partition("/")[0] for code in home), prune=False)
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    options = judge.options(tokens)
    lines: list[str] = []
    for at, ways in enumerate(options):
        for match in judge.matcher.matches(tokens, 0, at, ways) if ways else ():
            context = judge.context(match, tokens, 0)
            score = judge.judge.sum(match.name, context)
            if (score > ACCEPT) is accepted:
                first = tokens.starts[match.start] + match.strip
                words = tokens.normalized.span(first, tokens.ends[match.end - 1]).of(text)
                parts = sorted(_parts(judge, match.name, context), key=lambda part: (-abs(part[1]), part[0]))
                told = ", ".join(
                    f"{name} {value:+.1f}" for name, value in parts[:SHOWN] if abs(value) >= TOLD
                )
                lines.append(f"{words}: {score:+.1f} = {told}")
    return lines


def _parts(judge: Recognizer, name: Name, context: Context) -> list[tuple[str, float]]:
    """Every part of a score and what it adds; they sum up to the score."""
    table, learned = judge.judge.weights[name.language], judge.judge.neighbors[name.language]
    parts = [
        (feature, value if feature == "prior" else table.get(feature, 0.0) * value)
        for feature, value in name.features
    ]
    parts += [(feature, table.get(feature, 0.0)) for feature in context.features]
    beside = (*own_parts(name.key), *context.neighbors)
    parts += [(f"{side} {word!r}", learned.sides[side].get(word, 0.0)) for side, word in beside]
    return parts


__all__ = ["refused", "taken"]
