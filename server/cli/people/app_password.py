# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet user app-password`: one random password per calendar app, each revoked on its own."""

from __future__ import annotations

from dataclasses import asdict

import click

from scheduling.access import credentials, users
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_facts, print_json, print_table
from server.cli.terminal.session import Session, pass_session


@click.group("app-password", cls=ManualGroup)
def app_password() -> None:
    """Create, list and revoke the passwords of calendar apps."""


@app_password.command(
    "create",
    examples=(('daysheet user app-password create anna --label "Anna\'s phone"', "One for Anna's phone."),),
)
@click.argument("username")
@click.option(
    "--label", default="Calendar app", show_default=True, metavar="TEXT", help="What the password is for."
)
@json_option
@pass_session
def create(session: Session, *, username: str, label: str, as_json: bool) -> None:
    """Create an app password for USERNAME. It is shown only once."""
    with session.database.write() as connection:
        owner = users.get(connection, username)
        created, secret = credentials.create_app_password(
            connection, session.keyring, owner.id, label, actor=session.actor
        )
    if as_json:
        print_json({"id": created.id, "label": created.label, "app_password": secret})
        return
    print_facts(
        f"App password {created.id} of {username}; it is not shown again",
        [("label", created.label), ("password", secret)],
    )


@app_password.command("list")
@click.argument("username")
@json_option
@pass_session
def list_(session: Session, *, username: str, as_json: bool) -> None:
    """List the app passwords of USERNAME, also revoked ones."""
    with session.database.read() as connection:
        found = credentials.list_app_passwords(connection, users.get(connection, username).id)
    if as_json:
        print_json({"app_passwords": [asdict(one) for one in found]})
        return
    print_table(
        ("Id", "Label", "Created", "Last used", "Revoked"),
        [(it.id, it.label, it.created_at, it.last_used_at, it.revoked_at) for it in found],
        empty=f"{username} has no app passwords.",
    )


@app_password.command("revoke")
@click.argument("username")
@click.argument("number", type=int, metavar="ID")
@pass_session
def revoke(session: Session, *, username: str, number: int) -> None:
    """Revoke the app password ID of USERNAME. It stops working at once."""
    with session.database.write() as connection:
        credentials.revoke_app_password(
            connection, users.get(connection, username).id, number, actor=session.actor
        )
    click.echo(f"Revoked app password {number} of {username}.")
