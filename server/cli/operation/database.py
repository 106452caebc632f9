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
    """Make, upgrade, look after and back up the scheduling database."""


@db.command("upgrade")
@json_option
@pass_session
def upgrade(session: Session, *, as_json: bool) -> None:
    """Make the database, or bring it to the schema this version needs.

    Running it again changes nothing, and several machines may run it at once.
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
    """Show the schema's revision and how much there is.

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


@db.command("maintain", examples=(("daysheet db maintain --json", "From cron, where no server is running."),))
@json_option
@pass_session
def maintain(session: Session, *, as_json: bool) -> None:
    """Bring calendars up to date and drop what is no longer needed; a running server does so by itself."""
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
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@json_option
@pass_session
def backup(session: Session, *, file: Path, force: bool, as_json: bool) -> None:
    """Copy the SQLite database to FILE, consistent even while it is written.

    FILE appears when the copy is complete and can be read by its owner only. Keep a copy of the key file as
    well: without it feed links and the addresses of imported calendars are lost. PostgreSQL has pg_dump.
    """
    size = copies.backup(session.settings.database(), file, replace=force)
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        click.echo(
            f"Copied {counted(size, 'byte')} to {file}; the key file is {session.settings.config.key_path()}."
        )
