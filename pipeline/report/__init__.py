"""Pictures for people: a version of the dataset as one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from pipeline import __version__
from pipeline.errors import ConfigError
from pipeline.report.content import LONGEST, Health, collect, folds, outlines
from pipeline.storage.frames import Loaded

__all__ = ["LARGEST", "MOST", "Health", "csp", "page"]

MOST: Final = 10_000  # posts on a page; of more it shows a sample
LARGEST: Final = 4_900_000  # bytes of a page; where long posts would make it larger, the sample is smaller
_SCRIPTS: Final = ("words", "data", "filters", "tips", "map", "timeline", "panels", "posts", "save", "page")


def page(
    loaded: Loaded,
    *,
    sources: Sequence[str] = (),
    health: Sequence[Health] = (),
    title: str | None = None,
    most: int = MOST,
) -> str:
    """A version of a dataset as one HTML document, the same each time: map, timeline, lists and posts.

    It asks for nothing over the network, and its policy forbids it to.  `sources` are all where none is
    named; `health` says what the manifest cannot know, how each source's runs fare.  Of more than `most`
    posts, and where the page would be over `LARGEST` bytes, it shows a sample and says so.

    Raises `ConfigError` where the library that draws is not installed, `DatasetError` for an unknown source.
    """
    library = _library()
    chosen = list(sources) or loaded.sources
    while True:
        found, total = collect(loaded, chosen, health, most)
        shown = len(found["posts"]["id"])
        facts = {
            "title": title or "What the posts tell",
            "version": int(loaded.version),
            "created": f"{loaded.manifest.created:%Y-%m-%d %H:%M} UTC",
            "program": f"marsad {__version__}",
            "total": total,
            "longest": LONGEST,
        }
        packed = _packed({"facts": facts, **found, "folds": folds(), "outlines": outlines()})
        document = _document(library, facts, shown, packed)
        size = len(document.encode())
        if size <= LARGEST or shown < 2:
            return document
        own = size - len(packed)
        most = max(1, min(shown - 1, int(shown * 0.97 * (LARGEST - own) / len(packed))))


def csp(document: str) -> str:
    """The policy that a page made by `page` declares, for a server to send as well."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', document)
    if found is None:
        raise ValueError("this document declares no policy")
    return html.unescape(found[1])


def _document(library: str, facts: dict[str, Any], shown: int, packed: str) -> str:
    style, script = _asset("report.css"), _script()
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(library)} {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    filled = {
        "policy": policy,
        "title": html.escape(str(facts["title"])),
        "about": html.escape(
            f"{shown:,} of {facts['total']:,} posts, version {facts['version']}, {facts['program']}"
        ),
        "style": style,
        "data": packed,
        "library": library,
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda at: filled[at[1]], _asset("report.html"))


def _packed(found: dict[str, Any]) -> str:
    """JSON, gzip, base64: a quarter of the bytes, and no letter that HTML could take for its own."""
    return base64.b64encode(gzip.compress(msgspec.json.encode(found), 9, mtime=0)).decode()


@cache
def _library() -> str:
    """Vega and its embedding, which brings the interpreter of expressions: nothing evaluates strings."""
    if importlib.util.find_spec("vl_convert") is None:
        raise ConfigError("the report is drawn by Vega, which is not installed; pip install 'marsad[report]'")
    import vl_convert  # noqa: PLC0415  needed by those who make a page

    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    return _safe(bundle.replace("\r\n", "\n"), "Vega")


@cache
def _script() -> str:
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return _safe(f'(() => {{\n"use strict";\n{parts}}})();\n', "report")


def _safe(script: str, name: str) -> str:
    """The script, if HTML can hold it as it is."""
    if re.search(r"</script|<!--|<script", script, re.IGNORECASE):
        raise ValueError(f"the script {name} holds a tag and cannot stand inside HTML")
    return script


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
