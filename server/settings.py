# SPDX-License-Identifier: GPL-3.0-or-later
"""All settings of the server in one place: Daysheet's, the importer's, and Radicale's own sections."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.config import ImporterConfig
from scheduling.access.secrets import Keyring
from scheduling.config.file import load as load_sections
from scheduling.config.ini import ConfigError
from scheduling.config.sections import SECTIONS as SHARED_SECTIONS
from scheduling.config.sections import Config
from scheduling.database.connection import Database, connect_to
from scheduling.sentences import did_you_mean
from server.config import ServerSettings

if TYPE_CHECKING:
    from radicale.config import Configuration

RADICALE_SECTIONS = (
    "server",
    "encoding",
    "auth",
    "group",
    "rights",
    "storage",
    "web",
    "logging",
    "headers",
    "hook",
    "reporting",
    "sharing",
)
_EXTRA: dict[str, type[Any]] = {"server": ServerSettings, "importer": ImporterConfig}
SECTIONS: Mapping[str, type[Any]] = {**SHARED_SECTIONS, **_EXTRA}
"""Every section of ours, as config/daysheet.ini shows them."""
DAV_HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
"""On every CalDAV answer: no cache gives it to another user, and a client's own cache first revalidates it by the
entity tag.
"""
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)
_LOOPBACK = "127.0.0.1"
"""The host in links if the server listens on all addresses and no public address is set. Nobody can open 0.0.0.0."""
_OCCURRENCES = 1_000_000
"""Radicale's default of 10,000 answers 400 to the reports of a large calendar. Hostile recurrences are stopped on
arrival (scheduling/ical/recurrence.py), and ranges are limited in server/dav/reports.py.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of one process."""

    config: Config
    server: ServerSettings
    importer: ImporterConfig
    source: Path | None
    raw: Mapping[str, Mapping[str, str]] = field(repr=False)

    def database(self) -> Database:
        """The process's database."""
        return connect_to(self.config.database)

    def keyring(self) -> Keyring:
        """The installation's key; its file is made on first use. Raises `Invalid`, OSError."""
        return Keyring.open(self.config)

    def url(self, path: str) -> str:
        """The absolute URL of `path`, which starts with a slash."""
        host = _LOOPBACK if self.server.host in _EVERYWHERE else self.server.host
        host = f"[{host}]" if ":" in host else host
        return (self.server.public_url or f"http://{host}:{self.server.port}").rstrip("/") + path

    @property
    def root(self) -> str:
        """The absolute URL of this installation, without a slash at the end."""
        return self.url("")

    def radicale(self) -> Configuration:
        """Radicale's configuration: what Daysheet needs, then the operator's. Raises ConfigError."""
        import radicale.config  # noqa: PLC0415 - most commands only need settings of ours

        own = str(self.source or "")
        configuration = radicale.config.load()
        configuration.update(
            {
                "auth": {"type": "auth_plugin", "delay": "0", "realm": "Daysheet", "daysheet_config": own},
                "rights": {"type": "auth_plugin"},
                "storage": {"type": "storage_plugin", "daysheet_config": own},
                "web": {"type": "none"},
                "headers": DAV_HEADERS,
                "server": {
                    "delay_on_error": "0",
                    "max_content_length": str(self.server.max_body),
                    "max_resource_size": str(int(self.server.max_body * 0.8)),
                },
                "reporting": {
                    "max_expand_occurrence": str(_OCCURRENCES),
                    "max_freebusy_occurrence": str(_OCCURRENCES),
                },
            },
            "Daysheet",
        )
        source = own or "the environment"
        for section, options in self.raw.items():
            for name, value in options.items():
                _require_known(radicale.config.DEFAULT_CONFIG_SCHEMA, source, section, name)
                try:
                    configuration.update({section: {name: value}}, source)
                except (RuntimeError, ValueError) as error:
                    permitted = ", ".join(_options(radicale.config.DEFAULT_CONFIG_SCHEMA, section))
                    raise ConfigError(
                        source, section, name, f"Radicale does not accept it: {_short(error)}", permitted
                    ) from error
        configuration.update(
            {"sharing": {"collection_by_token": "False", "collection_by_map": "False"}}, "Daysheet"
        )
        return configuration


def load(
    path: Path | None,
    environ: Mapping[str, str] | None = None,
    *,
    without: Collection[tuple[str, str | None]] = (),
) -> Settings:
    """Read everything, except what `without` names. Raises ConfigError with file, section, option and what is
    permitted.
    """
    loaded = load_sections(
        path,
        os.environ if environ is None else environ,
        extra=_EXTRA,
        passthrough=RADICALE_SECTIONS,
        without=without,
    )
    settings = Settings(
        config=loaded.config,
        server=loaded.section(ServerSettings),
        importer=loaded.section(ImporterConfig),
        source=loaded.source,
        raw=loaded.raw,
    )
    if any(settings.raw.values()):
        settings.radicale()  # refuses what Radicale does not accept, for every command
    return settings


def _require_known(schema: Mapping[str, Any], source: str, section: str, name: str) -> None:
    """Radicale accepts any option in the sections of its plugins. A misspelt option would go unnoticed there."""
    permitted = _options(schema, section)
    if name in permitted or "_allow_extra" in schema[section]:
        return
    problem = f"there is no such option{did_you_mean(name, permitted)}"
    raise ConfigError(source, section, name, problem, ", ".join(permitted))


def _options(schema: Mapping[str, Any], section: str) -> list[str]:
    ours = list(ServerSettings.__dataclass_fields__) if section == "server" else []
    return ours + [name for name in schema[section] if not name.startswith("_")]


def _short(error: Exception) -> str:
    return str(error).split(" in section ")[0]
