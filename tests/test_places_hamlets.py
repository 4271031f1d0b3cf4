"""Hamlets of an added layer that are called like plain words: places only where something says so."""

from __future__ import annotations

import pytest

from pipeline.places import find_places
from pipeline.places.gazetteer import Gazetteer, open_gazetteer
from pipeline.places.layers import Note, Row, layers_in, write_layer
from pipeline.text import find_marks, normalize_batch, tokenize

HAMLETS = {"توأم": "Tawam", "الرحلة": "Ar Rihlah", "الحلوة": "Al Hilwah", "طنجرة": "Tanjarah"}


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    folder = tmp_path_factory.mktemp("hamlets")
    rows = [
        Row(
            place_id=f"wof:{number}", kind="village", name_ar=arabic, name_en=latin, names=[arabic, latin],
            lat=35.1 + number / 10, lon=36.9, country="SY", source="wof",
        )
        for number, (arabic, latin) in enumerate(HAMLETS.items(), 1)
    ]  # fmt: skip
    write_layer(folder, Note(name="wof", title="Hamlets", licence="none", attribution=""), rows)
    return open_gazetteer(folder / "cache", ("SY",), layers_in(folder))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("رزقنا الله بتوأم ولله الحمد", []),
        ("عندها توأم في الصف الأول", []),
        ("كانت الرحلة طويلة ومتعبة", []),
        ("القطة الحلوة نامت عند الباب", []),
        ("اشتريت طنجرة كبيرة للمطبخ", []),
        ("قصف على قرية توأم صباح اليوم", ["توأم"]),
        ("وصلت التعزيزات إلى قرية الرحلة", ["الرحلة"]),
        ("غارات على بلدة الحلوة بريف حماة", ["الحلوة", "حماة"]),
        ("قرى طنجرة وتوأم تحت القصف", ["طنجرة", "توأم"]),
    ],
)
def test_hamlets_are_found_by_their_cues_alone(gazetteer: Gazetteer, text: str, names: list[str]) -> None:
    found = find_places(tokenize(normalize_batch([text]), find_marks([text])), gazetteer, ("SY",))[0]
    assert [mention.span.of(text) for mention in found] == names
