"""Learn the weights by which `pipeline.places` judges names, and write them down as tables.

    MARSAD_EVAL=folder python -m benchmarks.train_places [--layer FILE]... [--check]

The features are those of the product: its own matcher and judge are run over labelled texts, and each name of
the gazetteer that they meet is one example, true where it overlaps a labelled place.  A logistic regression
draws every weight towards the value that stands in the table now, strongly where that was set by hand,
and drops small weights of single words.  `--check` trains with each event of IDRISI held out in
turn and prints how right the held-out events are; nothing is written then.

Read: IDRISI-RA, -RE and -D (CC BY 4.0), the public Wojood sample (MIT), TR-News and our own posts.
Needs scipy (the `bench` extra).
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from benchmarks.quality import GOLD, HOME
from pipeline.config import cache_folder
from pipeline.data import rows
from pipeline.places.candidates import Match
from pipeline.places.cues import commonness, cue_words
from pipeline.places.gazetteer import Gazetteer, open_gazetteer
from pipeline.places.keys import is_arabic, k0
from pipeline.places.name_score import Context, own_parts
from pipeline.places.recognize import ACCEPT, Recognizer
from pipeline.text import TokenBatch, find_marks, normalize_batch, tokenize

TABLES: Final = Path(__file__).parent.parent / "pipeline" / "data"
CORPORA: Final = {
    "idrisi_ra_train": 1.0,
    "idrisi_d_ar_train": 0.5,
    "wojood_sample_train": 1.5,
    "idrisi_re_train": 1.0,
    "idrisi_d_en_train": 0.5,
    "trnews": 0.5,
}  # weight of one example
OWN_WEIGHT: Final = 12.0  # of our own posts, which are few and of the style that counts most
COUNTED: Final = frozenset(
    {"idrisi_ra_train", "idrisi_d_ar_train", "idrisi_re_train", "idrisi_d_en_train", "wojood_sample_train"}
)  # fmt: skip  their licences allow a table of words
LEAST_COUNT: Final = 4  # of a word in the table place_words
LEAST_SEEN: Final = 4  # examples of a neighboring word
FIXED: Final = 1e6  # how strongly a weight stays whose source says that it is set by hand (inverse variance)
HELD: Final = {"ar": 100.0, "en": 300.0}  # and a veto that was set by hand; there are more texts in English
NEAR: Final = {"ar": 5.0, "en": 20.0}  # and any other weight set by hand
LOOSE: Final = 0.5
WORD: Final = 2.5
FORM: Final = 4.0
MOST: Final = {"ending": 1.0}  # of letters, which make up for priors otherwise
VETO: Final = -3.0  # a weight set by hand that a class of words or a form keeps
SMALLEST: Final = 0.2  # weight of a single word that is written down
DRAWN: Final = "set by hand, drawn to the data"
LEARNED: Final = "learned: IDRISI (CC BY 4.0), Wojood sample (MIT), TR-News, own samples"
BY_HAND: Final = "set by hand"
ON_TOP: Final = "set by hand, on top of what is learned"  # a margin: other weights may not make up for it


class Text(Struct, frozen=True):
    """A labelled text."""

    corpus: str
    event: str  # or another part of the corpus that is held out together
    text: str
    spans: list[tuple[int, int, bool]]  # start, end, whether it is asked for
    weight: float
    home: tuple[str, ...] = ()  # countries of the group, as the product is told; of foreign corpora none


class Example(Struct, frozen=True):
    """A name of the gazetteer where it stood in a text."""

    text: int
    language: str
    event: str
    is_place: bool | None  # None where the label is optional
    weight: float
    offset: float  # the ambiguity prior: added, not learned
    features: tuple[tuple[str, float], ...]
    words: tuple[tuple[str, str], ...]
    key: str
    first: int  # tokens, and code points of the text
    last: int
    start: int
    end: int


def texts(folder: Path) -> Iterator[Text]:
    """The labelled texts: those of the folder, the samples and the development half of our own posts."""
    seen: set[str] = set()
    for corpus, weight in CORPORA.items():
        path = folder / "places" / f"{corpus}.jsonl"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            if row["text"] in seen:
                continue
            seen.add(row["text"])
            spans = [(mention["start"], mention["end"], True) for mention in row["mentions"]]
            event = row.get("event") or f"{corpus} {number // 100}"
            yield Text(corpus, event, row["text"], spans, weight)
    for number, line in enumerate(GOLD.read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        spans = [(one["start"], one["end"], not one.get("optional", False)) for one in row["places"]]
        yield Text("own", f"own {number % 5}", row["text"], spans, OWN_WEIGHT, HOME[:1])
    yield from _own_posts()


def _own_posts() -> Iterator[Text]:
    from benchmarks.place_posts import load_posts

    for number, post in enumerate(load_posts("dev")):
        spans = [(label.start, label.end, not label.optional) for label in post.mentions]
        home = (post.home.split("/")[0],) if post.home else ()
        yield Text("own", f"own {number % 5}", post.text, spans, OWN_WEIGHT, home)


def examples(labelled: Sequence[Text], gazetteer: Gazetteer) -> list[Example]:
    """Every name of the gazetteer in the texts, with the features that the product sees; see `recounted`."""
    homes: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, text in enumerate(labelled):
        homes[text.home].append(number)
    return [
        example
        for home, numbers in homes.items()
        for example in _examples(labelled, numbers, Recognizer(gazetteer, home, prune=False))
    ]


def _examples(labelled: Sequence[Text], numbers: Sequence[int], judge: Recognizer) -> list[Example]:
    found: list[Example] = []
    for first in range(0, len(numbers), 500):
        part = numbers[first : first + 500]
        written = [labelled[number].text for number in part]
        tokens = tokenize(normalize_batch(written), find_marks(written))
        options = judge.options(tokens)
        for post, number in enumerate(part):
            for at in range(tokens.bounds[post], tokens.bounds[post + 1]):
                ways = options[at]
                for match in judge.matcher.matches(tokens, post, at, ways) if ways else ():
                    context = judge.context(match, tokens, post)
                    found.append(_example(number, labelled[number], match, context, tokens))
    return found


def _example(number: int, text: Text, match: Match, context: Context, tokens: TokenBatch) -> Example:
    span = tokens.normalized.span(tokens.starts[match.start] + match.strip, tokens.ends[match.end - 1])
    hit = [asked for start, end, asked in text.spans if start < span.end and span.start < end]
    name = match.name
    features = {feature: value for feature, value in name.features if feature != "prior"}
    features.update(dict.fromkeys(context.features, 1.0))
    return Example(
        text=number,
        language=name.language,
        event=text.event,
        is_place=True if any(hit) else None if hit else False,
        weight=text.weight,
        offset=dict(name.features).get("prior", 0.0),
        features=tuple(features.items()),
        words=(*own_parts(name.key), *context.neighbors),
        key=name.key,
        first=match.start,
        last=match.end,
        start=span.start,
        end=span.end,
    )


class Counts(Struct, frozen=True):
    """How often words stood outside of places, or names for one: in each event, and in all."""

    by_event: dict[str, Counter[str]]
    total: Counter[str]

    def without(self, event: str, word: str) -> int:
        """In all the other events."""
        own = self.by_event.get(event)
        return self.total[word] - (own[word] if own else 0)


def count_names(labelled: Sequence[Text], chosen: Iterable[Example]) -> Counts:
    """How often names of the gazetteer stand for a place."""
    by_event: dict[str, Counter[str]] = defaultdict(Counter)
    for key, _, text in {
        (one.key, one.first, one.text)
        for one in chosen
        if one.is_place and labelled[one.text].corpus in COUNTED
    }:
        by_event[labelled[text].event][key] += 1
    return Counts(dict(by_event), sum(by_event.values(), Counter()))


def recounted(chosen: Iterable[Example], words: Counts, names: Counts) -> list[Example]:
    """The examples, how common their words are told by the other events alone.

    The table tells it of all events: a model would trust it too much that was trained on the events that it
    was counted in.
    """
    found = []
    for one in chosen:
        features = dict(one.features)
        for feature in features.keys() & {"common", "common_known"}:
            count, named = words.without(one.event, one.key), names.without(one.event, one.key)
            features[feature] = commonness(count, named) if count >= LEAST_COUNT else 0.0
        found.append(replace(one, features=tuple(features.items())))
    return found


def count_words(labelled: Sequence[Text]) -> Counts:
    """How often words, and pairs of them, stand outside every label and every hashtag of several words."""
    by_event: dict[str, Counter[str]] = defaultdict(Counter)
    for first in range(0, len(labelled), 500):
        part = [text for text in labelled[first : first + 500] if text.corpus in COUNTED]
        written = [text.text for text in part]
        tokens = tokenize(normalize_batch(written), find_marks(written))
        for post, text in enumerate(part):
            counter = by_event[text.event]
            free = [
                at for at in range(tokens.bounds[post], tokens.bounds[post + 1]) if _is_free(at, text, tokens)
            ]
            for at in free:
                counter[k0([tokens.surfaces[at]])] += 1
            for left, right in pairwise(free):
                if right == left + 1 and not tokens.breaks[right]:
                    counter[k0([tokens.surfaces[left], tokens.surfaces[right]])] += 1
    return Counts(dict(by_event), sum(by_event.values(), Counter()))


def _is_free(at: int, text: Text, tokens: TokenBatch) -> bool:
    surface = tokens.surfaces[at]
    if len(surface) < 2 or not surface[0].isalpha() or tokens.in_hashtag[at]:
        return False
    span = tokens.normalized.span(tokens.starts[at], tokens.ends[at])
    if not is_arabic(surface) and not span.of(text.text).islower():
        return False
    return not any(start < span.end and span.start < end for start, end, _ in text.spans)


class Model(Struct, frozen=True):
    """Learned weights of one language."""

    features: dict[str, float]
    words: dict[tuple[str, str], float]

    def score(self, example: Example) -> float:
        total = example.offset
        for feature, value in example.features:
            total += self.features.get(feature, 0.0) * value
        for word in example.words:
            total += self.words.get(word, 0.0)
        return total


def train(chosen: Sequence[Example], centre: dict[str, float], fixed: frozenset[str] = frozenset()) -> Model:
    """Weights that fit the examples, of one language, near those set by hand; the fixed ones stay."""
    told = [example for example in chosen if example.is_place is not None]
    language = told[0].language
    seen = Counter(
        word for example in told for word in set(example.words) if not _is_settled(word, example, centre)
    )
    margins = margins_of(language)
    columns: dict[Any, int] = {}
    for feature in centre:
        columns[feature] = len(columns)
    for example in told:
        for feature, _ in example.features:
            columns.setdefault(feature, len(columns))
    for word, count in sorted(seen.items()):
        if count >= LEAST_SEEN:
            columns[word] = len(columns)
    cells: list[tuple[int, int, float]] = []
    for number, example in enumerate(told):
        cells += [
            (number, columns[feature], value) for feature, value in example.features if feature not in margins
        ]
        cells += [
            (number, columns[word], 1.0)
            for word in example.words
            if word in columns and not _is_settled(word, example, centre)
        ]
    at, column, value = (np.array(axis) for axis in zip(*cells, strict=True))
    matrix = csr_matrix((value, (at, column)), shape=(len(told), len(columns)))
    truth = np.array([1.0 if example.is_place else -1.0 for example in told])
    weight = np.array([example.weight for example in told])
    offset = np.array([example.offset for example in told])
    middle, pull = np.zeros(len(columns)), np.zeros(len(columns))
    for name, number in columns.items():
        if isinstance(name, tuple):
            pull[number] = FORM if name[0] in {"form", "ending"} else WORD
        elif name in centre:
            middle[number] = centre[name]
            pull[number] = FIXED if name in fixed else (HELD if centre[name] <= VETO else NEAR)[language]
        else:
            pull[number] = LOOSE

    scale = 1 / np.sqrt(pull)  # all weights are drawn alike then, and the search is short

    def loss(step: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = truth * (matrix @ (middle + scale * step) + offset)
        cost = float(weight @ np.logaddexp(0, -margin) + 0.5 * step @ step)
        slope = -(weight * truth) / (1 + np.exp(np.clip(margin, -50, 50)))
        return cost, scale * (matrix.T @ slope) + step

    steps = minimize(loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    found = middle + scale * steps
    return Model(
        features={name: float(found[n]) for name, n in columns.items() if isinstance(name, str)},
        words={
            name: float(np.clip(found[n], -MOST[name[0]], MOST[name[0]]))
            if name[0] in MOST
            else float(found[n])
            for name, n in columns.items()
            if isinstance(name, tuple) and abs(found[n]) >= SMALLEST
        },
    )


def _is_settled(word: tuple[str, str], example: Example, centre: dict[str, float]) -> bool:
    """Whether what is known by hand of a word stands, and single occurrences are not asked."""
    side, letters = word
    if side == "form":
        return example.offset <= VETO
    known = {"before": cue_words().before, "after": cue_words().after}.get(side, {})
    cue = known.get(letters, "")
    return bool(cue) and centre.get(f"{side}_{cue}", 0.0) <= VETO


def centre_of(language: str) -> dict[str, float]:
    """The weights that were set by hand."""
    return {
        row["feature"]: float(row["by_hand"])
        for row in rows("place_weights")
        if row["lang"] == language and row["by_hand"]
    }


def fixed_of(language: str) -> frozenset[str]:
    """The features whose weights were set by hand and are not learned: tables of words would undo them."""
    return frozenset(
        row["feature"]
        for row in rows("place_weights")
        if row["lang"] == language and row["source"] in {BY_HAND, ON_TOP}
    )


def margins_of(language: str) -> frozenset[str]:
    """The features that training does not see: their weights are added to what it learned.

    A false name in a post without places costs more than a missed one, and the labels do not say so.
    """
    return frozenset(
        row["feature"] for row in rows("place_weights") if row["lang"] == language and row["source"] == ON_TOP
    )


def choose(chosen: Iterable[Example], model: Model) -> dict[int, list[tuple[int, int]]]:
    """The accepted spans of every text: of those that overlap the longer, then the likelier."""
    scored: dict[int, list[tuple[Example, float]]] = defaultdict(list)
    for example in chosen:
        score = model.score(example)
        if score > ACCEPT:
            scored[example.text].append((example, score))
    spans: dict[int, list[tuple[int, int]]] = {}
    for text, found in scored.items():
        taken: list[tuple[int, int]] = []
        for one, _ in sorted(found, key=lambda pair: (pair[0].first - pair[0].last, -pair[1], pair[0].first)):
            if not any(start < one.end and one.start < end for start, end in taken):
                taken.append((one.start, one.end))
        spans[text] = taken
    return spans


def f1(
    labelled: Sequence[Text], numbers: Iterable[int], spans: dict[int, list[tuple[int, int]]]
) -> list[float]:
    """Precision, recall and F1 of overlap, and F1 of exact spans."""
    asked = found = overlap = exact = 0
    for number in numbers:
        wanted = [(start, end) for start, end, is_asked in labelled[number].spans if is_asked]
        optional = [(start, end) for start, end, is_asked in labelled[number].spans if not is_asked]
        mine = [
            (start, end)
            for start, end in spans.get(number, [])
            if not any(start < other_end and other < end for other, other_end in optional)
        ]
        asked += len(wanted)
        found += len(mine)
        exact += len(set(wanted) & set(mine))
        free = set(wanted)
        for start, end in mine:
            hit = next((one for one in sorted(free) if one[0] < end and start < one[1]), None)
            if hit:
                free.remove(hit)
                overlap += 1
    return [
        overlap / max(found, 1),
        overlap / max(asked, 1),
        2 * overlap / max(found + asked, 1),
        2 * exact / max(found + asked, 1),
    ]


def check(labelled: Sequence[Text], chosen: Sequence[Example]) -> None:
    """Train with every event held out in turn, print how right it is there, and the mean over the events."""
    for language, corpora in (
        ("ar", ("idrisi_ra_train", "wojood_sample_train", "own")),
        ("en", ("idrisi_re_train", "own")),
    ):
        mine = [example for example in chosen if example.language == language]
        centre = centre_of(language)
        for corpus in corpora:
            parts: dict[str, list[int]] = defaultdict(list)
            for number, text in enumerate(labelled):
                if text.corpus == corpus and _is_language(text, language):
                    parts[text.event].append(number)
            if len(parts) > 7:  # parts of a corpus are as good as its events in threes
                joined: dict[str, list[int]] = defaultdict(list)
                for at, event in enumerate(sorted(parts)):
                    joined[f"part {at % 4}"] += parts[event]
                groups = [
                    (name, {labelled[n].event for n in numbers}, numbers) for name, numbers in joined.items()
                ]
            else:
                groups = [(name, {name}, numbers) for name, numbers in parts.items()]
            figures = []
            for name, events, numbers in groups:
                model = train([one for one in mine if one.event not in events], centre, fixed_of(language))
                held = set(numbers)
                spans = choose((one for one in mine if one.text in held), model)
                figures.append(f1(labelled, numbers, spans))
                print(
                    f"{language} {corpus:20} {name:28} " + " ".join(f"{x:.3f}" for x in figures[-1]),
                    flush=True,
                )
            print(
                f"{language} {corpus:20} {'mean':28} "
                + " ".join(f"{x:.3f}" for x in np.mean(figures, axis=0)),
                flush=True,
            )


def _is_language(text: Text, language: str) -> bool:
    return any(map(is_arabic, text.text)) == (language == "ar")


def write(models: dict[str, Model], words: Counts, names: Counts, heads: dict[str, str]) -> None:
    """Write the three tables."""
    lines = [heads["place_weights"], "lang\tfeature\tweight\tby_hand\tsource"]
    for language, model in sorted(models.items()):
        centre, fixed, margins = centre_of(language), fixed_of(language), margins_of(language)
        for feature, weight in sorted(model.features.items()):
            by_hand, source = "", LEARNED
            if feature in centre:
                by_hand = f"{centre[feature]:g}"
                source = ON_TOP if feature in margins else BY_HAND if feature in fixed else DRAWN
            lines.append(f"{language}\t{feature}\t{weight:.2f}\t{by_hand}\t{source}")
    _save("place_weights", lines)
    lines = [heads["place_neighbors"], "lang\tside\tword\tweight\tsource"]
    for language, model in sorted(models.items()):
        for (side, word), weight in sorted(model.words.items()):
            lines.append(f"{language}\t{side}\t{word}\t{weight:.2f}\t{LEARNED}")
    _save("place_neighbors", lines)
    lines = [heads["place_words"], "word\tcount\tnamed\tsource"]
    for word, count in sorted(words.total.items()):
        if count >= LEAST_COUNT:
            lines.append(
                f"{word}\t{count}\t{names.total[word]}\tcounted: IDRISI (CC BY 4.0), Wojood sample (MIT)"
            )
    _save("place_words", lines)


def _save(table: str, lines: Sequence[str]) -> None:
    (TABLES / f"{table}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


HEADS: Final = {
    "place_weights": """\
# Weights of the features by which pipeline.places judges whether a name is a place where it stands.
# Log-odds, written by benchmarks/train_places.py: logistic regression over IDRISI-RA, -RE and -D (CC BY 4.0),
# the public Wojood sample (MIT), TR-News and our own labelled posts.  by_hand: what the weight is drawn to
# (edit that column and train anew, or the weight alone); empty: learned from the data alone.  A row whose
# source is only "set by hand" is not learned.  "On top": not seen in training either, where other weights
# would make up for it; a margin against false names.""",
    "place_neighbors": """\
# Weights of single words beside a name, and of the name itself; log-odds.
# side: before2, before, after, after2 (| is the end of the line), tag (in the same hashtag),
# ending (last two letters of the name), form (K0 of the name).  Written by benchmarks/train_places.py from
# IDRISI (CC BY 4.0), the public Wojood sample (MIT), TR-News and our own labelled posts.""",
    "place_words": """\
# count: how often a word, or a pair of words written together, stood outside every labelled place; Latin
# words: where written small.  named: how often it stood for a place, or in the name of one.
# Written by benchmarks/train_places.py; counted in IDRISI (CC BY 4.0) and the public Wojood sample (MIT).""",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layer", type=Path, action="append", default=[], help="layer file of the gazetteer")
    parser.add_argument("--check", action="store_true", help="hold out events and print; write nothing")
    arguments = parser.parse_args()
    folder = Path(os.environ["MARSAD_EVAL"])
    labelled = list(texts(folder))
    words = count_words(labelled)
    chosen: list[Example] = []
    for layers in [arguments.layer, []] if arguments.layer else [[]]:
        gazetteer = open_gazetteer(cache_folder(), HOME, layers)
        chosen += examples(labelled, gazetteer)
        if arguments.check:
            break
    names = count_names(labelled, chosen)
    chosen = recounted(chosen, words, names)
    print(len(labelled), "texts,", len(chosen), "names")
    if arguments.check:
        check(labelled, chosen)
        return
    models = {
        language: train(
            [one for one in chosen if one.language == language], centre_of(language), fixed_of(language)
        )
        for language in ("ar", "en")
    }
    write(models, words, names, HEADS)


if __name__ == "__main__":
    main()
