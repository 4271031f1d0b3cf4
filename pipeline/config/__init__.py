"""config.yaml to a frozen `Config`; the only place that reads YAML and the environment.

Every mistake of a file is told at once, each with its line, its key, the value, what is allowed and the
nearest allowed word.  The YAML is the plain part of YAML, see `yaml_tree`.

Environment, all optional: `MARSAD_DATASET` (folder of the dataset instead of `dataset:`), `MARSAD_CACHE`
(folder of the compiled gazetteer), `MARSAD_GAZETTEER` (folder of the added gazetteer layers),
`MARSAD_KEY_FILE` (key of the pseudonyms), `MARSAD_MAIL_PASSWORD`, `MARSAD_SERVE_TOKEN`.
"""

from __future__ import annotations

from pipeline.config.adding import add_source, with_source
from pipeline.config.checks import country, home_name, is_url, nearest, reader_name, source_name, zone_name
from pipeline.config.folders import cache_folder, config_folder, gazetteer_folder, key_file, serve_token
from pipeline.config.loading import SIZE_LIMIT, load, parse
from pipeline.config.models import (
    NO_LAYERS,
    Config,
    Engine,
    Gazetteer,
    LanguageOptions,
    Mail,
    OnFailure,
    PlacesOptions,
    ReadingLimits,
    Remote,
)
from pipeline.config.source import Dates, Expect, Retention, Source
from pipeline.config.yaml_tree import Problem

__all__ = [
    "NO_LAYERS",
    "SIZE_LIMIT",
    "Config",
    "Dates",
    "Engine",
    "Expect",
    "Gazetteer",
    "LanguageOptions",
    "Mail",
    "OnFailure",
    "PlacesOptions",
    "Problem",
    "ReadingLimits",
    "Remote",
    "Retention",
    "Source",
    "add_source",
    "cache_folder",
    "config_folder",
    "country",
    "gazetteer_folder",
    "home_name",
    "is_url",
    "key_file",
    "load",
    "nearest",
    "parse",
    "reader_name",
    "serve_token",
    "source_name",
    "with_source",
    "zone_name",
]
