"""The labelled posts are what their README promises, their marks are read right, and the scorer counts right."""

from __future__ import annotations

import doctest
import re
from collections import Counter

import pytest

from benchmarks import place_peers, place_posts, place_sets
from benchmarks.place_peers import Spotted, System, naive
from benchmarks.place_posts import AREAS, FOLDER, Spot, half_of, load_posts, read_marks, spots
from benchmarks.place_sets import (
    Distances,
    PlaceLabel,
    PlaceText,
    events,
    measure,
    same_but_clitics,
    scored,
    table,
)
from benchmarks.score import Label
from pipeline.places import RELATIONS
from pipeline.records import Span

# south, north, west, east; GeoNames countryInfo, rounded outwards
BOXES = {
    "SY": (32.3, 37.4, 35.6, 42.4),
    "IQ": (29.0, 37.4, 38.7, 48.7),
    "LB": (33.0, 34.8, 35.0, 36.7),
    "TR": (35.8, 42.2, 25.6, 44.9),
    "JO": (29.1, 33.4, 34.8, 39.4),
    "PS": (31.2, 32.6, 34.2, 35.7),
    "IL": (29.4, 33.4, 34.2, 35.9),
    "YE": (12.0, 19.1, 41.8, 54.6),
    "LY": (19.4, 33.3, 9.3, 25.3),
    "EG": (21.7, 31.8, 24.6, 37.0),
    "SA": (16.3, 32.3, 34.4, 55.8),
    "QA": (24.4, 26.3, 50.7, 51.7),
    "IR": (25.0, 39.9, 44.0, 63.4),
    "RU": (41.1, 81.9, 19.6, 180.0),
    "DE": (47.2, 55.1, 5.8, 15.1),
    "FR": (41.3, 51.2, -5.2, 9.7),
    "GB": (49.8, 60.9, -8.7, 1.8),
    "US": (24.5, 49.4, -124.8, -66.9),
    "UA": (44.3, 52.4, 22.1, 40.3),
    "SE": (55.3, 69.1, 10.9, 24.2),
    "TD": (7.4, 23.5, 13.4, 24.1),
    "GE": (41.0, 43.6, 40.0, 46.8),
    "GR": (34.8, 41.8, 19.3, 28.3),
    "TN": (30.2, 37.6, 7.5, 11.6),
    "KZ": (40.9, 55.5, 46.4, 87.4),
    "CH": (45.8, 47.9, 5.9, 10.5),
    "AT": (46.3, 49.1, 9.5, 17.2),
    "BE": (49.4, 51.6, 2.5, 6.5),
}
HAMA = Spot("hama", "حماة", "Hama", "city", "SY", 35.132, 36.758, "test")
KNOWN = {"hama": HAMA}


def test_as_many_posts_as_promised():
    posts = load_posts()
    languages = Counter(post.lang for post in posts)
    assert languages["ar"] >= 300
    assert languages["en"] >= 200
    assert 3 * sum("silent" in post.tags for post in posts) >= len(posts)
    for tag in (
        "homonym",
        "spelling",
        "facility",
        "direction",
        "clitic",
        "hashtag",
        "list",
        "area",
        "country",
    ):
        assert sum(tag in post.tags for post in posts) >= 10, tag
    assert any("open" in post.tags for post in posts)


def test_no_post_stands_twice():
    posts = load_posts()
    assert len({post.id for post in posts}) == len(posts)
    bare = Counter(re.sub(r"\W+", "", post.text) for post in posts)
    assert [text for text, count in bare.items() if count > 1] == []


def test_texts_bear_no_marks_and_spans_are_inside_their_phrases():
    for post in load_posts():
        assert not set("[]{}~") & set(post.text), post.id
        at = 0
        for mark in post.mentions:
            assert at <= mark.start < mark.end <= len(post.text), post.id
            assert mark.phrase_start <= mark.start, post.id
            assert mark.end <= mark.phrase_end, post.id
            assert post.text[mark.start : mark.end] == mark.surface == mark.surface.strip(), post.id
            assert mark.surface[0] not in "#@", post.id
            at = mark.end


def test_relations_are_those_of_the_program_and_facility_of():
    told = {mark.relation for post in load_posts() for mark in post.mentions} - {None}
    assert told <= {*RELATIONS, "facility_of"}
    for post in load_posts():
        for mark in post.mentions:
            has_phrase = (mark.phrase_start, mark.phrase_end) != (mark.start, mark.end)
            assert has_phrase is (mark.relation is not None), (post.id, mark.surface)


def test_every_key_is_used_and_open_marks_tell_no_place():
    marks = [mark for post in load_posts() for mark in post.mentions]
    assert {mark.key for mark in marks if mark.key} == set(spots())
    for mark in marks:
        assert mark.ambiguous is (mark.key is None) is (mark.lat is None) is (mark.kind is None)


@pytest.mark.parametrize("spot", spots().values(), ids=lambda spot: spot.key)
def test_places_are_in_their_country(spot):
    assert spot.source
    if spot.country is None:
        assert spot.kind in AREAS
    elif spot.kind != "sea":
        south, north, west, east = BOXES[spot.country]
        assert south <= spot.lat <= north
        assert west <= spot.lon <= east


def test_arabic_posts_are_arabic_and_english_ones_latin():
    for post in load_posts():
        arabic = sum("\u0600" <= letter <= "\u06ff" for letter in post.text)
        latin = sum(letter.isascii() and letter.isalpha() for letter in post.text)
        assert (arabic > latin) is (post.lang == "ar"), post.id


def test_the_halves_are_of_like_size_and_follow_the_id_alone():
    posts = load_posts()
    for lang in ("ar", "en"):
        dev = sum(post.half == "dev" for post in posts if post.lang == lang)
        assert 0.4 < dev / sum(post.lang == lang for post in posts) < 0.6
    assert all(post.half == half_of(post.id) for post in posts)
    assert not {post.id for post in load_posts("dev")} & {post.id for post in load_posts("test")}


@pytest.mark.parametrize(
    ("marked", "text", "told"),
    [
        ("لا شيء هنا", "لا شيء هنا", []),
        ("a | b", "a | b", []),
        ("وب[حماة|hama] أمس", "وبحماة أمس", [("حماة", "حماة", None, False)]),
        ("#[حماة|hama]\\n.", "#حماة\n.", [("حماة", "حماة", None, False)]),
        ("{مدينة [حماة|hama]}", "مدينة حماة", [("حماة", "مدينة حماة", "at", False)]),
        (
            "ب{ريف [حماة|hama] الغربي|countryside_of}.",
            "بريف حماة الغربي.",
            [("حماة", "ريف حماة الغربي", "countryside_of", False)],
        ),
        ("[~Hama|hama] net", "Hama net", [("Hama", "Hama", None, True)]),
        (
            "[Hama|hama], {[Hama|hama] city}",
            "Hama, Hama city",
            [("Hama", "Hama", None, False), ("Hama", "Hama city", "at", False)],
        ),
    ],
)
def test_marks(marked, text, told):
    found, marks = read_marks(marked, KNOWN)
    assert found == text
    assert [
        (
            text[mark.start : mark.end],
            text[mark.phrase_start : mark.phrase_end],
            mark.relation,
            mark.optional,
        )
        for mark in marks
    ] == told


def test_an_open_mark_tells_the_country_alone():
    _, (mark,) = read_marks("[المنصورة|?SY]", KNOWN)
    assert (mark.ambiguous, mark.country, mark.lat, mark.key) == (True, "SY", None, None)
    _, (mark,) = read_marks("[المنصورة|?]", KNOWN)
    assert mark.country is None


@pytest.mark.parametrize(
    "marked",
    [
        "[Hama|nowhere]",
        "[Hama]",
        "[Hama|hama",
        "{in Hama|near}",
        "Hama]",
        "{[Hama|hama]",
        "{[A|hama] [B|hama]}",
        "[[A|hama]|hama]",
    ],
)
def test_wrong_marks_are_refused(marked):
    with pytest.raises(ValueError, match=r".+"):
        read_marks(marked, KNOWN)


def test_a_wrong_line_of_the_posts_is_named(monkeypatch, tmp_path):
    for path in FOLDER.glob("*.tsv"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with (tmp_path / "posts_en.tsv").open("a", encoding="utf-8") as posts:
        posts.write("en-999\ttweet\tSY\t-\tin [Hama|no_such_key]\n")
    lines = (tmp_path / "posts_en.tsv").read_text(encoding="utf-8").count("\n")
    monkeypatch.setattr(place_posts, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=rf"posts_en.tsv, line {lines}: .*no_such_key"):
        list(place_posts._posts("en", spots()))


@pytest.mark.parametrize(
    ("label", "spot", "holds"),
    [
        ((2, 5), (2, 5), True),
        ((2, 5), (0, 5), True),
        ((0, 5), (2, 5), True),
        ((2, 5), (2, 4), False),
        ((2, 5), (2, 9), False),
        ((6, 12), (7, 12), True),  # hashtag
        ((13, 19), (15, 19), True),  # article
        ((20, 29), (25, 29), False),  # a type word is no clitic
    ],
)
def test_lenient_matches_forgive_clitics_article_and_hashtag(label, spot, holds):
    text = "وبحلب #حلبxx الغوطة مدينة حلب"
    assert same_but_clitics(text, Label(start=label[0], end=label[1]), Spotted(Span(*spot))) is holds


def test_three_counts_and_distances():
    far = Spotted(Span(10, 14), 36.2, 37.16)  # Aleppo, where Homs is meant
    near = Spotted(Span(0, 5), 35.14, 36.75, phrase=Span(0, 5), relation="at")
    texts = [
        PlaceText(
            "بحماة وكل حمص",
            "SY",
            [
                PlaceLabel(start=1, end=5, lat=35.132, lon=36.758, phrase=(0, 5), relation="near"),
                PlaceLabel(start=10, end=13, lat=34.727, lon=36.723),
            ],
        ),
        PlaceText("الباب مكسور", None, []),
    ]
    row = scored("test", texts, "marsad", lambda written, homes: [[near, far], [Spotted(Span(0, 5))]])
    assert (row.exact.matched, row.lenient.matched, row.overlap.matched) == (0, 1, 2)
    assert (row.overlap.silent_broken, row.overlap.silent) == (1, 1)
    assert [row.distances.share(limit) for limit in (5.0, 20.0, 161.0)] == [0.5, 0.5, 0.5]
    assert (row.phrases.asked, row.phrases.spans, row.phrases.relations) == (1, 1, 0)
    assert (row.doubts.open, row.doubts.sure, row.doubts.wrong) == (0, 2, 1)
    assert row.figures()["test.marsad.silent_kept"] == 0
    assert len(table([row])[1]) == len(table([])[0])


def test_an_area_counts_for_the_widest_limit_alone():
    distances = Distances.none()
    distances.add(100.0, is_area=True)
    assert [distances.share(limit) for limit in (5.0, 20.0, 161.0)] == [None, None, 1.0]


def test_doubt_is_counted_where_it_is_due():
    label = PlaceLabel(start=0, end=8, is_open=True)
    spots = [[Spotted(Span(0, 8), 35.0, 36.0, ambiguous=doubtful)] for doubtful in (True, False)]
    texts = [PlaceText("المنصورة", None, [label])] * 2
    row = scored("test", texts, "marsad", lambda written, homes: spots)
    assert (row.doubts.open, row.doubts.told, row.doubts.sure) == (2, 1, 0)


def test_naive_matching_reads_arabic_and_english():
    find = naive(15000)
    (arabic,), (english,) = (
        find(["قصف على إدلب"], [None]),
        find(["Fighting in New York and Of course"], [None]),
    )
    assert [(spot.span.start, spot.span.end) for spot in arabic] == [(8, 12)]
    assert (12, 20) in [(spot.span.start, spot.span.end) for spot in english]
    assert arabic[0].lat == pytest.approx(35.93, abs=0.1)


def test_what_is_not_there_is_told_in_its_row(monkeypatch):
    def missing():
        raise ImportError("no module nobody")

    monkeypatch.delenv("MARSAD_EVAL", raising=False)
    monkeypatch.setattr(place_sets, "systems", lambda: [System("nobody", ("en",), missing)])
    (row,) = measure("dev")
    assert row.told == "not there: no module nobody"
    assert row.figures() == {}
    assert "not there" in table([row])[1][3]
    assert events()[1][0].startswith("not there")


def test_the_full_gazetteer_without_layers_says_what_to_do():
    (full,) = [system for system in place_peers.systems() if system.name == "marsad full"]
    with pytest.raises(LookupError, match="marsad gazetteer add whosonfirst"):
        full.open()


@pytest.mark.parametrize("module", [place_posts, place_sets, place_peers])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
