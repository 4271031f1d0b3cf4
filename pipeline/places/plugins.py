"""Other recognizers of place names beside our own: a spaCy or a transformers model in a folder.

Their spans are united with the names that the gazetteer finds, and judged by the same score: a span speaks
for the names of the gazetteer that it covers.  A span that no name of the gazetteer answers has no place on
the map and makes no mention.  Both packages come with the extra `ner` and are imported with the first model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import Struct

from pipeline.errors import ConfigError

LABELS: Final = frozenset({"GPE", "LOC", "FAC", "LOCATION", "PLACE", "CITY", "COUNTRY"})  # of places
BATCH: Final = 64  # texts that a model reads at once
OVERLAP: Final = 64  # tokens that two windows of a long text share


class Guess(Struct, frozen=True):
    """Code points start .. end - 1 of a text that a model takes for a place, and how sure it is, 0..1."""

    start: int
    end: int
    sure: float


class Plugin(Protocol):
    """A model that finds names of places."""

    def guesses(self, texts: Sequence[str]) -> list[list[Guess]]:
        """The guesses for each text, in order of their spans."""
        ...


class SpacyModel:
    """A spaCy pipeline whose entities carry one of LABELS; it tells no probability, so each is 1."""

    def __init__(self, folder: Path) -> None:
        with _needs("spacy", folder):
            import spacy  # noqa: PLC0415  heavy, and optional

            self._pipeline: Any = spacy.load(folder)

    def guesses(self, texts: Sequence[str]) -> list[list[Guess]]:
        """See `Plugin`."""
        return [
            [Guess(one.start_char, one.end_char, 1.0) for one in read.ents if one.label_.upper() in LABELS]
            for read in self._pipeline.pipe(texts, batch_size=BATCH)
        ]


class TransformersModel:
    """A token classification model of transformers whose labels are LABELS, with or without B- and I-.

    Long texts are read in windows that overlap; for that the tokenizer must be a fast one.
    """

    def __init__(self, folder: Path) -> None:
        with _needs("transformers", folder):
            from transformers import (  # noqa: PLC0415
                AutoModelForTokenClassification,
                AutoTokenizer,
                pipeline,
            )

            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForTokenClassification.from_pretrained(folder, local_files_only=True)
            limit = int(getattr(model.config, "max_position_embeddings", 512))
            tokenizer.model_max_length = min(int(tokenizer.model_max_length), limit)
            stride = min(OVERLAP, tokenizer.model_max_length // 4)
            self._pipeline: Any = pipeline(
                "token-classification",
                model=model,
                tokenizer=tokenizer,
                aggregation_strategy="simple",
                stride=stride,
                device="cpu",
            )

    def guesses(self, texts: Sequence[str]) -> list[list[Guess]]:
        """See `Plugin`."""
        found: list[list[Guess]] = []
        for text in texts:  # in batches the padding would make an answer depend on its neighbors
            read = self._pipeline(text) if text.strip() else []
            found.append(
                [
                    Guess(int(one["start"]), int(one["end"]), float(one["score"]))
                    for one in read
                    if one["entity_group"].upper() in LABELS and one["end"] > one["start"]
                ]
            )
        return found


@lru_cache(maxsize=8)
def open_plugin(path: str) -> Plugin:
    """The model in a folder: spaCy where it holds `config.cfg`, transformers where it holds `config.json`.

    Raises `ConfigError` where the folder holds neither, the package is missing, or the model does not open.
    """
    folder = Path(path)
    if (folder / "config.cfg").is_file():
        return SpacyModel(folder)
    if (folder / "config.json").is_file():
        return TransformersModel(folder)
    raise ConfigError(
        f"places.recognizers: {folder} holds neither a spaCy model (config.cfg) nor one of transformers"
        " (config.json)"
    )


@contextmanager
def _needs(package: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"places.recognizers: {folder} needs {error.name or package};"
            " install it with: pip install 'marsad[ner]'"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"places.recognizers: the {package} model in {folder} does not open: {error}"
        ) from error


def united(plugins: Sequence[Plugin], texts: Sequence[str]) -> list[list[Guess]]:
    """The guesses of all plug-ins for each text, in order; of equal spans the surest."""
    best: list[dict[tuple[int, int], float]] = [{} for _ in texts]
    for plugin in plugins:
        for kept, guesses in zip(best, plugin.guesses(texts), strict=True):
            for guess in guesses:
                span = guess.start, guess.end
                kept[span] = max(kept.get(span, 0.0), guess.sure)
    return [[Guess(*span, sure) for span, sure in sorted(kept.items())] for kept in best]
