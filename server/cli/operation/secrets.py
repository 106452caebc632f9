# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet secrets`: the key that protects stored links, URLs and secrets."""

from __future__ import annotations

import click

from scheduling.access import audit
from scheduling.access.rotation import reencrypt
from scheduling.access.secrets import new_key
from scheduling.sentences import counted
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_json
from server.cli.terminal.session import Session, pass_session


@click.group(cls=ManualGroup)
def secrets() -> None:
    """Change the key that encrypts feed links, addresses of outside calendars and webhook secrets.

    Passwords and API keys are stored only as hashes. They do not depend on the key.
    """


@secrets.command(
    "rotate",
    examples=(("daysheet secrets rotate", "Make a new key, and encrypt everything with it."),),
)
@json_option
@pass_session
def rotate(session: Session, *, as_json: bool) -> None:
    """Put a new key first in the key file and encrypt all stored secrets with it.

    Links and app passwords do not change. Running processes notice the new key by themselves. Older keys stay in the
    file: the oldest one finds links and app passwords, and backups need theirs. If security.key holds the key, put a
    new one in front of it first. If the command was interrupted, run it again.
    """
    database = session.database
    keyring = session.keyring
    if keyring.path is not None or keyring.keys == 1:
        keyring = keyring.with_new_key()
    count = reencrypt(database, keyring)
    with database.write() as connection:
        audit.record(connection, "secrets.rotate", "secrets", encrypted=count, actor=session.actor)
    if as_json:
        print_json({"encrypted": count})
    else:
        click.echo(f"Encrypted {counted(count, 'secret')} with the new key.")


@secrets.command("new-key")
def make() -> None:
    """Print a new key, for an installation that sets security.key."""
    click.echo(new_key())
