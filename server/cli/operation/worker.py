# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet worker`: the background work in a process of its own. `daysheet importer` is its old name."""

from __future__ import annotations

from dataclasses import asdict

import click

from scheduling.sentences import counted
from server import background
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_json
from server.cli.terminal.session import Session, pass_session

_once = click.option("--once", is_flag=True, help="Do what is due now, and stop.")


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet worker", "Work until interrupted, beside any number of others on PostgreSQL."),
        ("daysheet worker --once --json", "Do what is due and print the result."),
    ),
)
@_once
@json_option
@pass_session
def worker(session: Session, *, once: bool, as_json: bool) -> None:
    """Do the background work until interrupted.

    It imports the outside calendars that are due, looks for changed jobs and conflicts, delivers events to webhooks,
    and tidies up the database.
    """
    _work(session, once=once, as_json=as_json)


@click.command(
    cls=ManualCommand,
    examples=(("daysheet importer", "Do the same as `daysheet worker`."),),
)
@_once
@json_option
@pass_session
def importer(session: Session, *, once: bool, as_json: bool) -> None:
    """Do what `daysheet worker` does; this is its old name."""
    _work(session, once=once, as_json=as_json)


def _work(session: Session, *, once: bool, as_json: bool) -> None:
    _ = session.database
    summary = background.run(session.settings, once=once)
    if as_json:
        print_json(asdict(summary))
    else:
        click.echo(
            f"{summary.applied} imported, {summary.unchanged} unchanged, {summary.failed} failed; "
            f"{counted(summary.delivered, 'event')} delivered, {summary.undelivered} not."
        )
