# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command works with: the settings, the database and the key, opened when first needed."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import click

from scheduling.access import actors
from scheduling.access.permissions import Actor
from scheduling.access.secrets import Keyring
from scheduling.database import schema
from scheduling.database.connection import Database
from server import settings
from server.settings import Settings


class Session:
    """One run of the command. Raises `ConfigError` when the settings are first needed and cannot be used."""

    def __init__(self, config: Path | None) -> None:
        self.config = config

    @cached_property
    def settings(self) -> Settings:
        """The settings of the chosen file and the environment."""
        return settings.load(self.config, os.environ)

    @property
    def existing_database(self) -> Database:
        """The database at any schema."""
        return self.settings.database()

    @cached_property
    def database(self) -> Database:
        """The database at the schema this version needs. Raises `SchemaMismatch`, `DatabaseUnavailable`."""
        database = self.existing_database
        schema.require_current(database)
        return database

    @cached_property
    def actor(self) -> Actor:
        """Who runs the command, for the audit log; everything is permitted."""
        try:
            login = getpass.getuser()
        except (OSError, KeyError):  # a container's user often has no name
            login = f"uid {os.getuid()}"
        return actors.of_command_line(login)

    @property
    def admission(self) -> Callable[[str], None]:
        """The check that refuses addresses of calendars and webhooks that the importer would never connect to."""
        from server import importing  # noqa: PLC0415 - it loads the importer and its HTTP client

        return importing.admission(self.settings)

    @cached_property
    def keyring(self) -> Keyring:
        """The installation's key."""
        return self.settings.keyring()


pass_session = click.make_pass_decorator(Session)
