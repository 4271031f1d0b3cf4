"""Commands for the protection of people, and for the chain from a row to its bytes."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import base64
from typing import Annotated

import typer

from pipeline.cli.complete import complete_source
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    busy,
    examples,
    print_,
    print_json,
    print_raw,
    say,
    table,
)

app = typer.Typer()
keys_app = typer.Typer(help="The keys of the pseudonyms.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@app.command(
    epilog=examples(
        "marsad forget telegram:77:1201 --dry-run", 'marsad forget "+963 944 123 456" --source hama_whatsapp'
    )
)
def forget(
    whom: Annotated[
        str, typer.Argument(help="A post_id, an author_key, or a name, handle, number or id as exported.")
    ],
    *,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Only this source; repeated.", autocompletion=complete_source),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, change nothing.")] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """Take a post, or all posts of an author, out of every version, and keep them out of later runs."""
    from pipeline.config import load
    from pipeline.jobs.forget import forget as forget_them
    from pipeline.jobs.forget import lines

    done = forget_them(load(config), whom, source or (), dry=dry_run)
    if as_json:
        print_json(done)
    else:
        for line in lines(done):
            print_(line)


@app.command(epilog=examples("marsad custody telegram:77:1201 --raw"))
def custody(
    post_id: Annotated[str, typer.Argument(help="A post_id of the dataset.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes in the export as well.")] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """The chain from a post back to the bytes of its export, checked now; exit code 1 where it is broken."""
    from msgspec import to_builtins
    from msgspec.structs import replace

    from pipeline.config import load
    from pipeline.jobs.custody import custody as look
    from pipeline.jobs.custody import lines

    with busy("reading the export and the published files"):
        found = look(load(config), post_id, raw=raw)
    if as_json:
        shown = to_builtins(replace(found, raw=None))
        shown["raw_base64"] = None if found.raw is None else base64.b64encode(found.raw).decode()
        print_json(shown)
    else:
        for line in lines(found):
            print_(line)
        if raw and found.raw is not None:
            say(f"the {len(found.raw):,} bytes at {found.export.locator}:")
            print_raw(found.raw)
    raise typer.Exit(1 if found.wrong else 0)


@keys_app.command("list", epilog=examples("marsad keys list"))
def list_keys(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """The keys that are known, by their ids, and the sources whose rows were made with each."""
    from pipeline.config import key_file, load
    from pipeline.jobs.keys import open_ring
    from pipeline.storage.dataset import Dataset

    ring = open_ring(key_file())
    current = Dataset(load(config).dataset).current()
    used: dict[str, list[str]] = {key.key_id: [] for key in ring.keys}
    for name, state in (current.manifest.sources if current else {}).items():
        key_id = state.settings.get("key_id")
        if key_id is not None:
            used.setdefault(key_id, []).append(name)
    rows = [
        {"key_id": key_id, "state": _state(key_id, ring.current.key_id, ring.find(key_id)), "sources": names}
        for key_id, names in used.items()
    ]
    if as_json:
        print_json({"file": str(key_file()), "keys": rows})
        return
    shown = [[str(row["key_id"]), str(row["state"]), ", ".join(used[str(row["key_id"])])] for row in rows]
    print_(table(["key", "state", "rows of"], shown, left={0, 1, 2}))


def _state(key_id: str, current: str, known: object) -> str:
    if known is None:
        return "lost"
    return "current" if key_id == current else "older"


@keys_app.command("rotate", epilog=examples("marsad keys rotate"))
def rotate_keys(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """Make a new key the current one; the older ones stay, so that people can still be found.

    Rows keep the pseudonyms of the key that they were made with until their source is rerun.  Authors of
    sources under different keys cannot be joined; rerun all of them to join them again.
    """
    from pipeline.config import key_file, load
    from pipeline.jobs.keys import older_file, rotate
    from pipeline.storage.dataset import Dataset

    settings = load(config)
    ring = rotate(key_file())
    current = Dataset(settings.dataset).current()
    names = [
        name
        for name, state in (current.manifest.sources if current else {}).items()
        if state.settings.get("key_id")
    ]
    if as_json:
        print_json(
            {"key_id": ring.current.key_id, "older": [key.key_id for key in ring.older], "rerun": names}
        )
        return
    print_(f"the current key is {ring.current.key_id}")
    say(f"back up {key_file()} and {older_file(key_file())}: a lost key is a lost link between rows")
    for name in names:
        say(f"marsad rerun {name}   gives its rows the pseudonyms of the new key")
