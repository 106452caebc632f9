# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin's one option in Radicale's `[auth]` section: where Daysheet's own ini file is."""

from __future__ import annotations

import os
from pathlib import Path

from radicale import config as radicale_config

from scheduling.config.file import load
from scheduling.config.sections import Config

SCHEMA = {
    "auth": {
        "daysheet_config": {
            "value": "",
            "help": "Daysheet's ini file (empty: DAYSHEET_CONFIG, or the defaults)",
            "type": str,
        }
    }
}


def read(configuration: radicale_config.Configuration) -> Config:
    """Daysheet's settings for this plugin. Raises `scheduling.config.ini.ConfigError`."""
    path = configuration.copy(SCHEMA).get("auth", "daysheet_config")
    return load(Path(path) if path else None, os.environ, only=True).config
