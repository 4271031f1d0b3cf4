"""What the environment says: where caches, layers, keys and tokens are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the compiled gazetteer is kept: `MARSAD_CACHE`, else `marsad` in the user's cache folder."""
    if environment.get("MARSAD_CACHE"):
        return Path(environment["MARSAD_CACHE"]).expanduser().resolve()
    home = environment.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "marsad"


def gazetteer_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where added gazetteer layers are kept: `MARSAD_GAZETTEER`, else in the user's folder for data."""
    if environment.get("MARSAD_GAZETTEER"):
        return Path(environment["MARSAD_GAZETTEER"]).expanduser().resolve()
    home = environment.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(home) / "marsad" / "gazetteer"


def key_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the key of the pseudonyms is kept: `MARSAD_KEY_FILE`, else in the user's configuration folder."""
    if environment.get("MARSAD_KEY_FILE"):
        return Path(environment["MARSAD_KEY_FILE"]).expanduser().resolve()
    return config_folder(environment) / "pseudonym.key"


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of keys and tokens: `marsad` in the user's configuration folder."""
    home = environment.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(home) / "marsad"


def serve_token(environment: Mapping[str, str] = os.environ) -> str | None:
    """The token that `marsad serve` demands: `MARSAD_SERVE_TOKEN`, None where it is not set."""
    return environment.get("MARSAD_SERVE_TOKEN") or None
