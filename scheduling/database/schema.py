# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema's version: bringing a database up to date, and refusing one that is not."""

from __future__ import annotations

import secrets
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, insert, inspect, select, table, text

from scheduling.database.connection import Database
from scheduling.errors import SchemaMismatch, is_newer

if TYPE_CHECKING:
    from alembic.config import Config

_UPGRADE_LOCK = 0x6461797368656574  # any fixed 64-bit number; "daysheet" in ASCII
_INSTANCE = table("instance", column("id"), column("name"))


@cache
def head() -> str:
    """The revision this version of Daysheet needs."""
    versions = resources.files("scheduling") / "migrations" / "versions"
    return max(it.name.partition("_")[0] for it in versions.iterdir() if it.name[:4].isdecimal())


def current(connection: Connection) -> str | None:
    """The revision the database is at, or None where it has no Daysheet tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema to `head()` in one transaction, several processes at once included; returns (before,
    after). Raises `SchemaMismatch` for a newer one, `DatabaseUnavailable`.
    """
    from alembic import command  # noqa: PLC0415 - a tenth of a server's memory, which never upgrades

    if database.file is not None:
        database.file.create()
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        before = current(connection)
        if is_newer(before, head()):
            raise SchemaMismatch(before, head())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.scalar(select(_INSTANCE.c.name)) is None:
            connection.execute(insert(_INSTANCE).values(id=1, name=secrets.token_hex(6)))
        return before, head()


def require_current(database: Database) -> None:
    """Raises `SchemaMismatch` unless the database is at `head()`."""
    with database.read() as connection:
        found = current(connection)
    if found != head():
        raise SchemaMismatch(found, head())
    if database.file is not None:
        database.file.needs = head()


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "scheduling:migrations")
    config.set_main_option("path_separator", "os")
    return config
