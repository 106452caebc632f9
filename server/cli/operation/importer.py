# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet importer`: the importer in a process of its own."""

from __future__ import annotations

from dataclasses import asdict

import click

from server import importing
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_json
from server.cli.terminal.session import Session, pass_session


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet importer", "Import until interrupted, beside any number of others on PostgreSQL."),
        ("daysheet importer --once --json", "Import what is due and say what came of it."),
    ),
)
@click.option("--once", is_flag=True, help="Import what is due now, then end.")
@json_option
@pass_session
def importer(session: Session, *, once: bool, as_json: bool) -> None:
    """Import the outside calendars that are due and deliver events to webhooks, again and again."""
    _ = session.database
    summary = importing.run(session.settings, once=once)
    if as_json:
        print_json(asdict(summary))
    else:
        click.echo(
            f"{summary.applied} imported, {summary.unchanged} unchanged, {summary.failed} failed; "
            f"{summary.delivered} events delivered, {summary.undelivered} not."
        )
