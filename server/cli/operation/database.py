# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet db`: the scheduling database's schema, upkeep and backup."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from scheduling.composition import FOLLOWERS
from scheduling.database import backup as copies
from scheduling.database import schema
from scheduling.errors import SchemaMismatch
from scheduling.sentences import counted
from scheduling.upkeep import health, maintenance
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_facts, print_json
from server.cli.terminal.session import Session, pass_session


@click.group(cls=ManualGroup)
def db() -> None:
    """Make, upgrade, maintain and back up the scheduling database."""


@db.command("upgrade")
@json_option
@pass_session
def upgrade(session: Session, *, as_json: bool) -> None:
    """Make the database, or upgrade it to the schema of this version.

    Running it again changes nothing. Several machines may run it at once.
    """
    before, after = schema.upgrade(session.settings.database())
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        click.echo(f"The database is at revision {after} already.")
    else:
        click.echo(f"Upgraded the database from {before or 'nothing'} to revision {after}.")


@db.command("status")
@json_option
@pass_session
def status(session: Session, *, as_json: bool) -> None:
    """Show the revision of the schema and the number of rows.

    The exit code is 1 when the database has to be upgraded.
    """
    database = session.existing_database
    with database.read() as connection:
        found = schema.current(connection)
        counts = health.counts(connection) if found == schema.head() else {}
    facts = {"database": database.engine.dialect.name, "revision": found, "needed": schema.head(), **counts}
    if as_json:
        print_json(facts)
    else:
        print_facts("Scheduling database", [(name.replace("_", " "), fact) for name, fact in facts.items()])
    if found != schema.head():
        raise SchemaMismatch(found, schema.head())


@db.command("maintain", examples=(("daysheet db maintain --json", "From cron, if no worker is running."),))
@json_option
@pass_session
def maintain(session: Session, *, as_json: bool) -> None:
    """Bring calendars up to date and delete what is no longer needed. A running worker does this by itself."""
    report = maintenance.run(
        session.database, session.settings.config, datetime.now(UTC), followers=FOLLOWERS
    )
    facts = asdict(report)
    if as_json:
        print_json(facts)
    else:
        print_facts("Maintenance", [(name.replace("_", " "), fact) for name, fact in facts.items()])


@db.command("backup", examples=(("daysheet db backup /backup/daysheet.db", "While the server is running."),))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
@pass_session
def backup(session: Session, *, file: Path, force: bool, as_json: bool) -> None:
    """Copy the SQLite database to FILE. The copy is consistent, even while somebody writes.

    FILE appears when the copy is complete. Only its owner can read it. Keep a copy of the key file too: without it,
    feed links and the addresses of imported calendars are lost. For PostgreSQL use pg_dump.
    """
    size = copies.backup(session.settings.database(), file, replace=force)
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        click.echo(
            f"Copied {counted(size, 'byte')} to {file}; the key file is {session.settings.config.key_path()}."
        )
