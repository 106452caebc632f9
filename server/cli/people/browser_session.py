# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet session`: browsers that are signed in to the pages."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from scheduling.access import sessions, users
from scheduling.sentences import counted
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_json, print_table
from server.cli.terminal.session import Session, pass_session


@click.group(cls=ManualGroup)
def session() -> None:
    """List and end the browsers that are signed in to the pages."""


@session.command("list")
@click.argument("username")
@json_option
@pass_session
def list_(session: Session, *, username: str, as_json: bool) -> None:
    """List the browsers with which USERNAME is signed in."""
    with session.database.read() as connection:
        user = users.get(connection, username)
        found = sessions.list_sessions(connection, user.id, session.settings.config, datetime.now(UTC))
    if as_json:
        print_json({"sessions": [asdict(one) for one in found]})
        return
    print_table(
        ("Id", "Since", "Last used", "Address", "By", "Browser"),
        [(it.id, it.created_at, it.last_used_at, it.address, it.began_by, it.user_agent) for it in found],
        empty=f"{username} is signed in nowhere.",
    )


@session.command(
    "end",
    examples=(
        ("daysheet session end anna 7", "Sign Anna out of one browser."),
        ("daysheet session end anna --all", "Out of every one."),
    ),
)
@click.argument("username")
@click.argument("number", type=int, metavar="[ID]", required=False)
@click.option("--all", "everywhere", is_flag=True, help="End every session of the user.")
@pass_session
def end(session: Session, *, username: str, number: int | None, everywhere: bool) -> None:
    """Sign USERNAME out of the browser with the session ID, or out of all."""
    if (number is None) != everywhere:
        raise click.UsageError("Give either the ID of a session or --all.")
    with session.database.write() as connection:
        user = users.get(connection, username)
        if number is None:
            count = sessions.end_all(connection, user.id, actor=session.actor)
        else:
            sessions.end(connection, user.id, number, actor=session.actor)
            count = 1
    click.echo(f"{username} was signed out of {counted(count, 'browser')}.")
