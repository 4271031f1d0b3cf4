"""Other recognizers of places: tiny models made here, opened by the product's own loader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.places import find_places
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.plugins import Guess, open_plugin, united
from pipeline.text import find_marks, normalize_batch, tokenize

DOOR = "فتح الباب وخرج إلى الحديقة"


class Words:
    """A recognizer that takes fixed words for places."""

    def __init__(self, *words: str, sure: float = 1.0) -> None:
        self.words = words
        self.sure = sure

    def guesses(self, texts: list[str]) -> list[list[Guess]]:
        return [
            [Guess(at, at + len(word), self.sure) for word in self.words if (at := text.find(word)) >= 0]
            for text in texts
        ]


@pytest.fixture(scope="session")
def gazetteer(toolkit) -> Gazetteer:
    return toolkit.gazetteer


def surfaces(texts: list[str], gazetteer: Gazetteer, *plugins: Words) -> list[list[str]]:
    tokens = tokenize(normalize_batch(texts), find_marks(texts))
    found = find_places(tokens, gazetteer, ("SY",), plugins)
    return [
        [mention.span.of(text) for mention in mentions] for text, mentions in zip(texts, found, strict=True)
    ]


def test_a_guess_speaks_for_the_name_that_it_covers(gazetteer: Gazetteer) -> None:
    assert surfaces([DOOR], gazetteer) == [[]]
    assert surfaces([DOOR], gazetteer, Words("الباب")) == [["الباب"]]
    assert surfaces([DOOR], gazetteer, Words("الباب", sure=0.05)) == [[]]
    assert surfaces([DOOR], gazetteer, Words("الحديقة")) == [[]]


def test_a_guess_without_a_name_makes_no_mention(gazetteer: Gazetteer) -> None:
    assert surfaces(["Zxqqwv fell today"], gazetteer, Words("Zxqqwv")) == [[]]


def test_a_guess_costs_no_other_name(gazetteer: Gazetteer) -> None:
    text = "قصف على سراقب ومعرة النعمان"
    assert surfaces([text], gazetteer, Words("سراقب")) == surfaces([text], gazetteer)
    assert surfaces([text, DOOR], gazetteer, Words("الباب")) == [*surfaces([text], gazetteer), ["الباب"]]


def test_of_equal_spans_the_surest_is_kept() -> None:
    both = united((Words("Hama", sure=0.2), Words("Hama", "in", sure=0.7)), ["in Hama"])
    assert both == [[Guess(0, 2, 0.7), Guess(3, 7, 0.7)]]


def test_a_spacy_model_is_opened_and_read(tmp_path: Path, gazetteer: Gazetteer) -> None:
    spacy = pytest.importorskip("spacy")
    model = spacy.blank("xx")
    rules = model.add_pipe("entity_ruler")
    rules.add_patterns(
        [
            {"label": "GPE", "pattern": "الباب"},
            {"label": "LOC", "pattern": "Salma"},
            {"label": "PERSON", "pattern": "حلب"},
        ]
    )
    model.to_disk(tmp_path / "tiny")
    plugin = open_plugin(str(tmp_path / "tiny"))
    assert plugin.guesses([DOOR, "", "😀 Salma smiled"]) == [[Guess(4, 9, 1.0)], [], [Guess(2, 7, 1.0)]]
    assert surfaces([DOOR], gazetteer, plugin) == [["الباب"]]


def test_a_transformers_model_is_opened_and_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "clashes", "in", "hama", "today"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"), model_max_length=16)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16, id2label={0: "O", 1: "B-LOC", 2: "I-LOC"}, label2id={"O": 0, "B-LOC": 1, "I-LOC": 2},
    )  # fmt: skip
    torch.manual_seed(1)
    model = transformers.BertForTokenClassification(config)
    with torch.no_grad():  # every word is a place to it
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([0.0, 3.0, 0.0]))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    guesses = open_plugin(str(tmp_path)).guesses(["clashes in Hama", "", "Hama " * 40])
    assert [(one.start, one.end) for one in guesses[0]][-1][1] == 15
    assert all(0.8 < one.sure <= 1 for one in guesses[0])
    assert guesses[1] == []
    assert guesses[2][-1].end == 199  # past the window of the model


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a spaCy model"):
        open_plugin(str(tmp_path / "none"))


def test_a_broken_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such model"}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"places\.recognizers"):
        open_plugin(str(tmp_path))
