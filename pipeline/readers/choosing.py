"""Which reader a file is for, by what the readers say of its two ends, its name and what is beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import ExportError
from pipeline.readers.files import Aside, parts, peek
from pipeline.readers.interface import Export, Head, Reader, Score, origin
from pipeline.records import Reason

SURE = 40
"""Points from which a reader is taken."""

MARGIN = 10
"""Points between the best and the second; nearer ones are for the operator to choose from."""

_FOREIGN = {
    b"pk\x03\x04": "a document or program packed as zip; save a spreadsheet as CSV",
    b"rar!": "a rar archive; unpack it, or pack it as zip",
    b"7z\xbc\xaf": "a 7z archive; unpack it, or pack it as zip",
    b"%pdf": "a PDF; export the posts as text or data instead",
    b"sqlite format 3": "an SQLite database; export its table of messages as CSV or JSON",
    b"\xd0\xcf\x11\xe0": "an old Office document; save it as CSV",
}
"""What is no export of ours, and the way out; small letters."""


class Choice(Struct, frozen=True):
    """How a file will be read."""

    export: Export
    name: str  # of the reader; of several members' readers joined by "+"
    parts: tuple[tuple[Export, Reader], ...]  # the file itself, or members of the archive, in their order
    asides: tuple[Aside, ...] = ()
    why: str = ""  # what the reader saw, of the first part
    links: tuple[str, ...] = ()  # files that must be there by what these say: "chat.zip/messages3.html"


class Guess(Struct, frozen=True):
    """What the readers say of one stream of bytes."""

    reader: Reader | None
    score: Score
    problem: str = ""  # why there is no reader: words for the operator
    ambiguous: bool = False


def choose(
    readers: Mapping[str, Reader], export: Export, reader: str = "auto", columns: Sequence[str] = ()
) -> Choice:
    """How the export is read: by the reader that is named, or by the one that recognizes it.

    Raises `ExportError` that names the file where no reader is sure of any part of it, or two are equally
    sure.
    """
    inside, asides = parts(export)
    archive = bool(asides) or any(part.member is not None for part in inside)
    chosen: list[tuple[Export, Reader]] = []
    why, problems = "", []
    links: list[str] = []
    for part in inside:
        head = replace(peek(part), columns=tuple(columns))
        if reader != "auto":
            guess = _told(readers[reader], head, archive, len(inside))
        else:
            guess = recognize(
                readers, head, export.name if part.member is None else f"{export.name}, member {part.member}"
            )
        if guess.reader is not None:
            why = why or guess.score.why
            chosen.append((part, guess.reader))
            if guess.reader.links is not None:
                folder = _shown(part)[: -len(part.inner_name)]
                links += [folder + name for name in guess.reader.links(head)]
        else:
            problems.append(guess.problem)
            at = origin(part, reader, "whole file")
            asides.append(
                Aside(at, guess.problem, Reason.BAD_FILE)
                if guess.ambiguous
                else Aside(at, "member of the archive: no reader finds posts in it")
            )
    if not chosen:
        problems += [f"{export.name}: {aside.told}" for aside in asides if aside.reason is not None]
        raise ExportError(
            problems[0] if problems else f"{export.name}: an archive without a file that could hold posts"
        )
    names = list(dict.fromkeys(each.name for _, each in chosen))
    return Choice(
        export, "+".join(sorted(names)), tuple(chosen), tuple(asides), why, tuple(dict.fromkeys(links))
    )


def _told(reader: Reader, head: Head, archive: bool, count: int) -> Guess:
    """The reader that the operator names: for every plain file, and for the members that it knows."""
    score = reader.score(head)
    if not archive or count == 1 or score.points > 0:
        return Guess(reader, score)
    return Guess(None, score, f"{head.name}: the reader {reader.name} does not know it")


def recognize(readers: Mapping[str, Reader], head: Head, name: str) -> Guess:
    """The reader that is sure of a head, or why none is."""
    if not head.start.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        return Guess(
            None,
            Score(0),
            f"{name}: the file is empty; take it out of the source's files, or export it again",
        )
    ranked = ranking(readers, head)
    if head.columns:
        mapped = [pair for pair in ranked if pair[0].takes_columns]
        ranked = mapped if len(mapped) > 1 and mapped[0][1].points >= SURE else ranked
    (best, score), (second, runner_up) = ranked[0], ranked[1]
    if score.points < SURE:
        for start, what in _FOREIGN.items():
            if head.start.lstrip().lower().startswith(start):
                return Guess(None, score, f"{name}: {what}")
        nearest = f" (nearest: {best.name}, {score.points} of 100)" if score.points else ""
        return Guess(
            None,
            score,
            f"{name}: no reader recognizes this file{nearest}; set reader to one of {', '.join(readers)}",
            score.points >= SURE // 2,
        )
    if score.points - runner_up.points < MARGIN:
        return Guess(
            None,
            score,
            f"{name}: this may be {best.name} ({score.points}: {score.why}) or {second.name} "
            f"({runner_up.points}: {runner_up.why}); set reader to the one that it is",
            True,
        )
    return Guess(best, score)


def ranking(readers: Mapping[str, Reader], head: Head) -> list[tuple[Reader, Score]]:
    """All readers and what they say, the surest first."""
    scored = [(reader, reader.score(head)) for reader in readers.values()]
    return sorted(scored, key=lambda each: -each[1].points)


def read_as(choice: Choice) -> list[tuple[str, str]]:
    """The files inside a choice, each with its reader: "chat.zip/messages2.html", "telegram_html"."""
    return [(_shown(part), reader.name) for part, reader in choice.parts]


def _shown(part: Export) -> str:
    return part.name if part.member is None else f"{part.name}/{part.member}"


def missing_files(
    readers: Mapping[str, Reader], files: Iterable[tuple[str, str]], wanted: Iterable[str] = ()
) -> list[str]:
    """The files that sets of files are short of, each with its folder, sorted: pages, parts.

    `files` are those of a source, by name and reader; those of one folder and one reader are a set.
    `wanted` are files of which is known that they were there: `Choice.links`, and what was missing before.
    """
    sets: dict[tuple[str, str], list[str]] = {}
    for name, reader in files:
        folder, base = _split(name)
        sets.setdefault((folder, reader), []).append(base)
    linked: dict[str, list[str]] = {}
    for name in sorted(set(wanted)):
        folder, base = _split(name)
        linked.setdefault(folder, []).append(base)
    found = set()
    for (folder, name), names in sets.items():
        reader_of = readers.get(name)
        if reader_of is not None and reader_of.missing is not None:
            found |= {folder + one for one in reader_of.missing(sorted(names), linked.get(folder, ()))}
    return sorted(found)


def _split(name: str) -> tuple[str, str]:
    """Folder with its slash, and base name."""
    at = max(name.rfind("/"), name.rfind("\\")) + 1
    return name[:at], name[at:]
