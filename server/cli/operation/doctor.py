# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet doctor`: one line per thing that has to be in order. It changes nothing and makes no file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import click

from scheduling.access.secrets import Keyring
from scheduling.database import schema
from scheduling.errors import SchedulingError, SchemaMismatch
from scheduling.upkeep import health, processes
from scheduling.upkeep.health import Finding, Level
from server import advice
from server.cli.operation import surroundings
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_json
from server.cli.terminal.session import Session, pass_session
from server.settings import Settings

_COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet doctor", "After installing, upgrading or moving."),
        ("daysheet doctor --json", "For monitoring."),
    ),
)
@json_option
@pass_session
def doctor(session: Session, *, as_json: bool) -> None:
    """Check settings, key, database and calendars.

    Each line says ok, warning or problem, and what to do. The exit code is 1 when there is a problem.
    """
    found: list[Finding] = []
    for finding in examine(session):
        found.append(finding)
        if not as_json:
            click.secho(f"{finding.level:<8}", fg=_COLORS[finding.level], nl=False)
            click.echo(f" {finding.check}: {finding.text}")
            for row in finding.rows:
                click.echo(f"{'':9}- {row}")
    sick = any(finding.level is Level.PROBLEM for finding in found)
    if as_json:
        print_json({"healthy": not sick, "findings": [asdict(finding) for finding in found]})
    if sick:
        raise click.exceptions.Exit(1)


def examine(session: Session) -> Iterator[Finding]:
    """Every check. A check that fails does not stop the others."""
    found = surroundings.readable(session.config, os.environ)
    for error in found.errors:
        yield Finding(check="settings", level=Level.PROBLEM, text=str(error))
    yield surroundings.time_zones()
    settings = found.settings
    if settings is None:
        return
    if not found.errors:
        yield surroundings.settings_file(settings)
    yield surroundings.public_url(settings)
    yield surroundings.mail(settings)
    keyring = None
    if found.names_key:
        keyring, finding = surroundings.key(settings)
        yield finding
    if found.names_database:
        yield from _database(settings, keyring)
    else:
        words = "The database was not looked at, since the setting that names it cannot be used."
        yield Finding(check="database", level=Level.WARNING, text=words)


def _database(settings: Settings, keyring: Keyring | None) -> Iterator[Finding]:
    database = settings.database()
    try:
        with database.read() as connection:
            revision = schema.current(connection)
            yield Finding(check="database", level=Level.OK, text=f"{database.engine.dialect.name} answers.")
            if is_current := revision == schema.head():
                yield Finding(check="schema", level=Level.OK, text=f"The schema is at revision {revision}.")
            else:
                mismatch = advice.sentence(SchemaMismatch(revision, schema.head()))
                yield Finding(check="database", level=Level.PROBLEM, text=mismatch)
            for it in health.examine(connection, keyring, has_tables=is_current):
                yield _advised(it)
            if is_current:
                told = processes.told(connection, "server")
                yield _advised(surroundings.server(told, int(time.time())))
    except SchedulingError as error:
        yield Finding(check="database", level=Level.PROBLEM, text=advice.sentence(error))
    if (finding := surroundings.database_file(database)) is not None:
        yield finding


def _advised(finding: Finding) -> Finding:
    if finding.level is Level.OK:
        return finding
    return replace(finding, text=advice.of_finding(finding.check, finding.text))
