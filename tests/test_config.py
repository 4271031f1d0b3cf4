"""Every mistake in a configuration is told, at once, with its line, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import SIZE_LIMIT, Config, cache_folder, country, key_file, load
from pipeline.errors import ConfigError

GOOD = """\
dataset: data
engine: {kind: processes, workers: auto}
gazetteer: {home: [SY, LB, IQ, TR], layers: []}
sources:
  - name: ghab_telegram
    reader: auto
    files: exports/*.json
    zone: Asia/Damascus
    home: SY
    schedule: "15 */6 * * *"
    authors: pseudonym
    expect: {min_posts: 50, max_rejected: 0.02, max_shrink: 0.2}
  - name: table-2
    reader: table
    files: [exports/*.csv, exports/*.tsv]
    columns: {text: Message, posted_at: Post Created}
    day_order: dmy
"""

# label, text to replace, its replacement, line, key as it is named, words that the message must have
MISTAKES = [
    ("unknown top key", "dataset: data", "dateset: data", 1, "dateset", "'dataset' allowed: dataset, engine"),
    ("unknown source key", "    reader: auto", "    raeder: auto", 6, "sources[0].raeder", "'reader' authors"),
    ("unknown engine key", "workers: auto", "worker: auto", 2, "engine.worker", "'workers'"),
    ("unknown gazetteer key", "layers: []", "layer: []", 3, "gazetteer.layer", "'layers'"),
    ("unknown expect key", "min_posts: 50", "min_post: 50", 12, "sources[0].expect.min_post", "'min_posts'"),
    ("no sources", GOOD[GOOD.index("sources:") :], "", 1, "sources", "missing"),
    ("empty sources", GOOD[GOOD.index("sources:") :], "sources: []", 4, "sources", "empty"),
    ("sources as keys", GOOD[GOOD.index("sources:") :], "sources: {a: b}", 4, "sources", "not a list"),
    ("no name", "name: ghab_telegram\n    reader", "reader", 5, "sources[0].name", "missing"),
    ("no files", "    files: exports/*.json\n", "", 5, "sources[0].files", "missing"),
    ("no pattern", "[exports/*.csv, exports/*.tsv]", "[]", 15, "sources[1].files", "empty"),
    ("files a number", "files: exports/*.json", "files: 7", 7, "sources[0].files", "7"),
    ("bad name", "ghab_telegram", "ghab telegram", 5, "sources[0].name", "'ghab telegram' digits"),
    ("Arabic name", "ghab_telegram", "الغاب", 5, "sources[0].name", "'الغاب'"),
    ("name of a hidden file", "ghab_telegram", "_ghab", 5, "sources[0].name", "'_ghab' beginning"),
    ("name twice", "table-2", "ghab_telegram", 13, "sources[1].name", "'ghab_telegram' two line 5"),
    ("name twice but for case", "table-2", "Ghab_Telegram", 13, "sources[1].name", "'Ghab_Telegram' two"),
    ("unknown reader", "reader: auto", "reader: telegram_jsn", 6, "sources[0].reader", "'telegram_json' auto"),
    ("reader left empty", "reader: auto", "reader:", 6, "sources[0].reader", "empty value"),
    ("table without columns", "    columns: {text: Message, posted_at: Post Created}\n", "", 13, "sources[1].columns", "text and posted_at"),
    ("table without time", ", posted_at: Post Created", "", 16, "sources[1].columns", "posted_at"),
    ("bad zone", "Asia/Damascus", "Asia/Damascas", 8, "sources[0].zone", "'Asia/Damascus' IANA"),
    ("zone by city", "Asia/Damascus", "Damascus", 8, "sources[0].zone", "'Asia/Damascus'"),
    ("zone as number", "Asia/Damascus", "3", 8, "sources[0].zone", '3 quotes "3"'),
    ("zone as path", "Asia/Damascus", "../etc/passwd", 8, "sources[0].zone", "'../etc/passwd'"),
    ("bad country", "home: SY", "home: Syria", 9, "sources[0].home", "'Syria' ISO"),
    ("country in small letters", "home: SY", "home: sy", 9, "sources[0].home", "'sy' 'SY'"),
    ("country in a list", "[SY, LB, IQ, TR]", "[SY, XX]", 3, "gazetteer.home[1]", "'XX' ISO"),
    ("cron minute", "15 */6 * * *", "61 */6 * * *", 10, "sources[0].schedule", "'61 */6 * * *' minute"),
    ("cron of six fields", "15 */6 * * *", "0 15 */6 * * *", 10, "sources[0].schedule", "6 fields"),
    ("cron of a word", "15 */6 * * *", "@daily", 10, "sources[0].schedule", "'@daily'"),
    ("authors", "authors: pseudonym", "authors: pseudonyms", 11, "sources[0].authors", "'pseudonym' keep, pseudonym, drop"),
    ("unknown column", "text: Message", "txt: Message", 16, "sources[1].columns", "'txt' 'text' group_name"),
    ("columns as list", "{text: Message, posted_at: Post Created}", "[text]", 16, "sources[1].columns", "keys and values"),
    ("day order", "day_order: dmy", "day_order: dym", 17, "sources[1].day_order", "'dym' dmy, mdy"),
    ("share over one", "max_rejected: 0.02", "max_rejected: 2", 12, "sources[0].expect.max_rejected", "2 range 0 to 1"),
    ("share as text", "max_shrink: 0.2", "max_shrink: 20%", 12, "sources[0].expect.max_shrink", "'20%' number"),
    ("negative count", "min_posts: 50", "min_posts: -1", 12, "sources[0].expect.min_posts", "-1 range"),
    ("count as fraction", "min_posts: 50", "min_posts: 0.5", 12, "sources[0].expect.min_posts", "0.5"),
    ("engine kind", "kind: processes", "kind: threads", 2, "engine.kind", "'threads' serial, processes"),
    ("no workers", "workers: auto", "workers: 0", 2, "engine.workers", "0 auto"),
    ("half a worker", "workers: auto", "workers: 1.5", 2, "engine.workers", "1.5 auto"),
    ("true as workers", "workers: auto", "workers: true", 2, "engine.workers", "True auto"),
    ("encoding", "day_order: dmy", "encoding: utf-88", 17, "sources[1].encoding", "'utf-88'"),
    ("delimiter", "day_order: dmy", 'delimiter: "::"', 17, "sources[1].delimiter", "'::' tab"),
    ("time format", "day_order: dmy", "time_format: yyyy-mm-dd", 17, "sources[1].time_format", "'yyyy-mm-dd' %Y"),
    ("key twice", "    reader: auto", "    reader: auto\n    reader: auto", 7, "reader", "twice line 6"),
    ("alias", "home: SY", "home: *x", 9, "", "alias *x"),
    ("anchor", "home: SY", "home: &x SY", 9, "", "anchor &x"),
    ("tag", "home: SY", "home: !!python/name:os.system SY", 9, "", "tag python/name:os.system"),
    ("list as key", "home: SY", "? [a]\n    : b", 9, "", "key"),
    ("merge key", "home: SY", "<<: {home: SY}", 9, "sources[0].<<", "unknown"),
    ("tab", "    home: SY", "\thome: SY", 9, "", "not YAML"),
    ("open bracket", "[SY, LB, IQ, TR]", "[SY, LB", 3, "", "not YAML"),
    ("two documents", "engine:", "---\nengine:", 2, "", "not YAML"),
    ("no is a word", "zone: Asia/Damascus", "zone: no", 8, "sources[0].zone", "'no'"),
    ("12:30 is a word", "zone: Asia/Damascus", "zone: 12:30", 8, "sources[0].zone", "'12:30'"),
    ("010 is a word", "min_posts: 50", "min_posts: 010", 12, "sources[0].expect.min_posts", "'010'"),
    ("unknown mask", "authors: pseudonym", "mask: [phone]", 11, "sources[0].mask[0]", "'phone' 'phones'"),
    ("retention key", "authors: pseudonym", "retention: {post: 30d}", 11, "sources[0].retention.post", "'posts'"),
    ("retention in words", "authors: pseudonym", "retention: {posts: a year}", 11, "sources[0].retention.posts", "'a year' 365d"),
]  # fmt: skip


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def config(folder: Path, text: str = GOOD) -> Config:
    return load(write(folder, text), environment={})


def test_a_good_configuration(tmp_path: Path) -> None:
    loaded = config(tmp_path)
    assert loaded.dataset == tmp_path / "data"
    first, second = loaded.sources
    assert (first.home, first.files, first.zone) == (("SY",), ("exports/*.json",), "Asia/Damascus")
    assert second.columns == {"text": "Message", "posted_at": "Post Created"}
    assert second.zone is None  # none is invented
    assert (second.authors, second.reader, second.expect.max_rejected) == ("pseudonym", "table", 0.5)


def test_all_but_name_and_files_has_a_default(tmp_path: Path) -> None:
    loaded = config(tmp_path, "sources: [{name: a, files: a.json}]")
    assert loaded.dataset == tmp_path / "data"
    assert (loaded.engine.kind, loaded.engine.workers) == ("processes", "auto")


@pytest.mark.parametrize(
    ("label", "old", "new", "line", "key", "words"), MISTAKES, ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_told(
    tmp_path: Path, *, label: str, old: str, new: str, line: int, key: str, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, GOOD.replace(old, new, 1))
    told = str(caught.value)
    assert caught.value.exit_code == 2
    lines = [one for one in told.splitlines() if one.startswith(f"config.yaml:{line}: {key}")]
    assert lines, told
    for word in words.split():
        assert word in lines[0]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("kind: processes", "kind: x").replace("Asia/Damascus", "y").replace("dmy", "z")
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    told = str(caught.value)
    for place in (":2: engine.kind", ":8: sources[0].zone", ":17: sources[1].day_order"):
        assert place in told
    assert told.startswith("3 mistakes")


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="deeper than"):
        config(tmp_path, "a: " + "[" * 5000)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"dataset: data\nsources: \xff\xfe")
    with pytest.raises(ConfigError, match=r"config.yaml:2: not UTF-8"):
        load(path)
    path.write_bytes(b"#" * (SIZE_LIMIT + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load(path)
    path.write_bytes(b"a: \x07")
    with pytest.raises(ConfigError, match="not YAML"):
        load(path)
    with pytest.raises(ConfigError, match="no configuration"):
        load(tmp_path / "other.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_files_are_found_sorted_and_once(tmp_path: Path) -> None:
    loaded = config(tmp_path)
    (tmp_path / "exports").mkdir()
    for name in ("b.csv", "a.csv", "a.tsv", "c.txt", ".sync.csv"):
        (tmp_path / "exports" / name).touch()
    found = loaded.find_files(loaded.sources[1])
    assert [path.name for path in found] == ["a.csv", "a.tsv", "b.csv"]
    with pytest.raises(ConfigError) as caught:
        loaded.find_files(loaded.sources[0])
    for word in ("config.yaml:7", "sources[0].files", "'exports/*.json'", str(tmp_path / "exports"), "a.csv"):
        assert word in str(caught.value)


def test_a_pattern_into_no_folder(tmp_path: Path) -> None:
    loaded = config(tmp_path)
    with pytest.raises(ConfigError, match="is not a folder"):
        loaded.find_files(loaded.sources[0])


def test_one_plain_file_is_a_pattern(tmp_path: Path) -> None:
    loaded = config(tmp_path, "sources: [{name: a, files: one.json}]")
    (tmp_path / "one.json").touch()
    assert loaded.find_files(loaded.sources[0]) == [tmp_path / "one.json"]


def test_select(tmp_path: Path) -> None:
    loaded = config(tmp_path)
    assert [source.name for source in loaded.select([])] == ["ghab_telegram", "table-2"]
    assert [source.name for source in loaded.select(["table-2"])] == ["table-2"]
    with pytest.raises(ConfigError, match="'ghab_telegrm'; did you mean 'ghab_telegram'"):
        loaded.select(["ghab_telegrm"])


def test_the_environment_moves_three_places(tmp_path: Path) -> None:
    elsewhere = {"MARSAD_DATASET": str(tmp_path / "x"), "MARSAD_CACHE": "/c", "MARSAD_KEY_FILE": "/k"}
    loaded = load(write(tmp_path, GOOD), elsewhere)
    assert loaded.dataset == tmp_path / "x"
    assert loaded.folder == tmp_path
    assert (cache_folder(elsewhere), key_file(elsewhere)) == (Path("/c"), Path("/k"))
    xdg = {"XDG_CACHE_HOME": "/cache", "XDG_CONFIG_HOME": "/config"}
    assert cache_folder(xdg) == Path("/cache/marsad")
    assert key_file(xdg) == Path("/config/marsad/pseudonym.key")


def test_country() -> None:
    assert country("SY") == "SY"
    with pytest.raises(ConfigError, match="did you mean 'LB'"):
        country("Lebanon")


def test_a_time_format_that_strptime_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("sources:\n  - {name: a, files: x, time_format: '%Q'}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="'%Q' is not a time format"):
        load(path)
    path.write_text("sources:\n  - {name: a, files: x, time_format: '%d/%m/%Y %H:%M'}\n", encoding="utf-8")
    assert load(path).sources[0].time_format == "%d/%m/%Y %H:%M"
