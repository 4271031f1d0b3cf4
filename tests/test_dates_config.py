"""`dates:` in a configuration: profile, day order and named days, for all sources and for one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipeline.config import load
from pipeline.dates import find_dates
from pipeline.errors import ConfigError
from pipeline.records import Anchor, DateHabits
from pipeline.text import find_marks, normalize_batch, tokenize

FEASTS = """\
dates:
  profile: recall
  feasts: {"جمعة الغضب": 2011-04-29, "عيد القرية": --04-17}
sources:
  - {name: usual, files: a.json}
  - name: own
    files: b.json
    dates:
      profile: precise
      day_order: mdy
      feasts: {"عيد القرية": --05-01, "موسم الزيتون": hijri 10-01}
"""


def habits(folder: Path, text: str) -> list[DateHabits]:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return [source.as_group.dates for source in load(path, environment={}).sources]


def test_a_source_has_its_own_words_before_those_of_all(tmp_path: Path) -> None:
    usual, own = habits(tmp_path, FEASTS)
    assert usual == DateHabits("recall", "dmy", (("جمعة الغضب", "2011-04-29"), ("عيد القرية", "--04-17")))
    assert (own.profile, own.day_order) == ("precise", "mdy")
    assert dict(own.feasts) == {
        "عيد القرية": "--05-01",
        "موسم الزيتون": "hijri 10-01",
        "جمعة الغضب": "2011-04-29",
    }


def test_without_a_word_of_dates_the_usual_holds(tmp_path: Path) -> None:
    assert habits(tmp_path, "sources: [{name: a, files: a.json}]") == [DateHabits()]


@pytest.mark.parametrize(
    ("feasts", "words"),
    [
        ("{عيد: 17 April}", "feasts.عيد '17 April' allowed 2011-04-29 --04-17 hijri"),
        ("{عيد: 2011-02-30}", "'2011-02-30' no such day"),
        ("{عيد: --13-01}", "'--13-01' no such day"),
        ("{عيد: --00-10}", "'--00-10' no such day"),
        ("{عيد: hijri 10-31}", "'hijri 10-31' no such day"),
        ("{عيد: hijri 1435-10-01}", "'hijri 1435-10-01' is not a day"),
        ("{عيد: 2011}", "2011 is not text"),
        ('{"12/7": --04-17}', "'12/7' no letters"),
        ('{"عيد القرية": --04-17, "عيد القريه": --04-18}', "عيد القريه same words"),
        ("[عيد]", "dates.feasts"),
        ("عيد", "dates.feasts"),
    ],
)
@pytest.mark.parametrize("of_source", [False, True])
def test_mistakes_name_the_day_and_what_is_allowed(
    tmp_path: Path, feasts: str, words: str, of_source: bool
) -> None:
    dates = f"dates: {{feasts: {feasts}}}"
    text = (
        f"sources:\n  - name: a\n    files: a.json\n    {dates}\n"
        if of_source
        else f"{dates}\nsources: [{{name: a, files: a.json}}]\n"
    )
    with pytest.raises(ConfigError) as refused:
        habits(tmp_path, text)
    message = str(refused.value)
    assert all(word in message for word in words.split()), message
    assert f"config.yaml:{4 if of_source else 1}: " in message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("profile: recal", "'recal' precise, recall"),
        ("day_order: ymd", "'ymd' dmy, mdy"),
        ("feast: {}", "'feasts'"),
    ],
)
def test_mistakes_beside_the_feasts(tmp_path: Path, mistake: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        habits(tmp_path, f"dates: {{{mistake}}}\nsources: [{{name: a, files: a.json}}]\n")
    assert all(word in str(refused.value) for word in words.split()), refused.value


def read(text: str, feasts: tuple[tuple[str, str], ...], day: date | None) -> list[tuple[str, str]]:
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    found = find_dates(tokens, [Anchor(day)], DateHabits(feasts=feasts))[0]
    return [(mention.span.of(text), mention.edtf) for mention in found]


OWN = (
    ("عيد القرية", "--04-17"),
    ("يوم الحصاد", "2014-06-05"),
    ("يوم الحصاد الكبير", "2014-06-20"),
    ("Olive Night", "hijri 10-01"),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("صورة من عيد القرية 2015", [("عيد القرية 2015", "2015-04-17")]),
        ("التقينا في عيد القرية عند البئر", [("عيد القرية", "2016-04-17")]),
        ("اجتمعنا يوم الحصاد عند الجيران", [("يوم الحصاد", "2014-06-05")]),
        ("اجتمعنا يوم الحصاد الكبير عند الجيران", [("يوم الحصاد الكبير", "2014-06-20")]),  # longest first
        ("اجتمعنا يَوْمَ الحَصـاد عند الجيران", [("يَوْمَ الحَصـاد", "2014-06-05")]),  # as posts spell it
        ("we met on olive night 2015 again", [("olive night 2015", "2015-07-17~")]),
        ("الحصاد بدأ في القرية", []),
        ("olives at night", []),
    ],
)
def test_feasts_of_the_users_own_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    found = [
        (surface.removeprefix("في ").removeprefix("on "), edtf)
        for surface, edtf in read(text, OWN, date(2016, 5, 1))
    ]
    assert found == expected


def test_a_feast_with_its_year_needs_no_day_of_posting() -> None:
    assert [edtf for _, edtf in read("اجتمعنا يوم الحصاد عند الجيران", OWN, None)] == ["2014-06-05"]


def test_without_feasts_the_same_words_are_no_date() -> None:
    assert read("صورة من عيد القرية", (), date(2016, 5, 1)) == []
    assert read("يوم الحصاد الكبير", (), date(2016, 5, 1)) == []
