# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet settings`: what calendars show, changed while running."""

from __future__ import annotations

from dataclasses import asdict

import click

from scheduling.errors import NotFound
from scheduling.sentences import did_you_mean
from scheduling.settings import stored
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_json, print_table
from server.cli.terminal.session import Session, pass_session


@click.group(cls=ManualGroup)
def settings() -> None:
    """Show and change the settings kept in the database.

    They count more than the settings file. They take effect at the next request, in every process.
    """


@settings.command("show")
@click.argument("name", required=False)
@json_option
@pass_session
def show(session: Session, *, name: str | None, as_json: bool) -> None:
    """Show the setting NAME or all, and where each value comes from.

    A locked setting always has the value of the file.
    """
    with session.database.read() as connection:
        shown = stored.show(connection, session.settings.config)
    if name is not None:
        names = [it.name for it in shown]
        shown = [it for it in shown if it.name == name]
        if not shown:
            raise NotFound(f"There is no setting {name!r}{did_you_mean(name, names)}.")
    if as_json:
        print_json({"settings": [asdict(it) for it in shown]})
    else:
        print_table(
            ("Setting", "Value", "From", "Locked"),
            [(it.name, it.value, it.source, it.locked) for it in shown],
            empty="None.",
        )


@settings.command(
    "set",
    examples=(
        ("daysheet settings set calendars.history_months 3", "Show three months of the past."),
        ('daysheet settings set templates.job_summary "{organisation}"', "Call jobs by their customer."),
    ),
)
@click.argument("name")
@click.argument("value")
@pass_session
def set_(session: Session, *, name: str, value: str) -> None:
    """Set the setting NAME to VALUE."""
    with session.database.write() as connection:
        stored.change(connection, name, value, config=session.settings.config, actor=session.actor)
    click.echo(f"Set {name}.")


@settings.command("unset")
@click.argument("name")
@pass_session
def unset(session: Session, *, name: str) -> None:
    """Set NAME back to the value of the settings file."""
    with session.database.write() as connection:
        stored.change(connection, name, None, config=session.settings.config, actor=session.actor)
    click.echo(f"Unset {name}.")
