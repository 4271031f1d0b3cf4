"""Exports that are cut and configurations with a slip."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.jobs.run import run
from pipeline.storage.frames import load as load_dataset
from tests.proof.report import Finding
from tests.proof.workplace import ROOT, environment


def cut_samples(folder: Path, cache: Path, parts: int = 64) -> Finding:
    """Every sample cut at every 1/`parts` of its length, taken in by a run; then the whole file, by another.

    A run may refuse what is left of a file, with a message.  What it takes in must be posts of the whole file
    (the last one may be cut), and the run of the whole file must give what it gives without the cut before.
    """
    finding = Finding("samples that are cut")
    config = load(ROOT / "config.yaml", {})
    for source in config.sources:
        for path in config.find_files(source):
            place = folder / f"{source.name}-{path.name}"
            (place / "in").mkdir(parents=True)
            text = (
                (ROOT / "config.yaml").read_text(encoding="utf-8").replace("kind: processes", "kind: serial")
            )
            parent = path.parent.relative_to(ROOT).as_posix()
            text = text.replace(f"files: {parent}/", "files: in/").replace("expect:", "# expect:")
            (place / "config.yaml").write_text(text, encoding="utf-8")
            given = place / "in" / path.name
            whole = path.read_bytes()
            given.write_bytes(whole)
            with environment(MARSAD_KEY_FILE=str(folder / "key"), MARSAD_CACHE=str(cache)):
                texts = _texts(place, "whole", source.name)
                for step in range(1, parts):
                    finding.points += 1
                    where = f"{path.name} cut at {step}/{parts}"
                    try:
                        given.write_bytes(whole[: len(whole) * step // parts])
                        cut = _texts(place, f"cut{step}", source.name)
                        if sum(texts.get(post) != text for post, text in cut.items()) > 1:
                            finding.wrong += 1
                            finding.note(f"{where}: other posts than the whole file has")
                        if step % 8 == 0:
                            given.write_bytes(whole)
                            if _texts(place, f"cut{step}", source.name) != texts:
                                finding.manual += 1
                                finding.note(f"{where}: the whole file does not mend it")
                    except Exception as wrong:  # noqa: BLE001  whatever it is, it is a finding
                        finding.wrong += 1
                        finding.note(f"{where}: {type(wrong).__name__}: {wrong}")
    return finding


def _texts(place: Path, dataset: str, source: str) -> dict[str, str]:
    """The posts after a run: by id, their texts."""
    config = load(place / "config.yaml", {"MARSAD_DATASET": str(place / dataset)})
    (outcome,) = run(config, [source])
    if outcome.state == "failed" and not outcome.error:
        raise AssertionError("it failed without a word")
    try:
        rows = load_dataset(place / dataset).posts(columns=["post_id", "text"])
    except Exception:
        if outcome.state == "failed":
            return {}
        raise
    return dict(zip(rows.post_id, rows.text, strict=True))


def slips(folder: Path) -> Finding:
    """Configurations with one slip each: told with its line, its key and what is meant or allowed; nothing starts."""
    from tests.test_config import GOOD, MISTAKES

    finding = Finding("configurations with a slip")
    path = folder / "config.yaml"
    for label, old, new, line, key, words in MISTAKES:
        finding.points += 1
        path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
        try:
            load(path, {})
        except ConfigError as told:
            here = [one for one in str(told).splitlines() if one.startswith(f"config.yaml:{line}: {key}")]
            if not here or not all(word in here[0] for word in words.split()):
                finding.wrong += 1
                finding.note(f"{label}: {told}")
        except Exception as wrong:  # noqa: BLE001  whatever it is, it is a finding
            finding.wrong += 1
            finding.note(f"{label}: {type(wrong).__name__}: {wrong}")
        else:
            finding.wrong += 1
            finding.note(f"{label}: taken for good")
    return finding
