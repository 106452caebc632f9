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
    """Change the key that protects feed links, addresses of outside calendars and webhook secrets.

    Passwords and API keys are only kept as hashes and do not depend on it.
    """


@secrets.command(
    "rotate",
    examples=(("daysheet secrets rotate", "A new key, and everything encrypted anew with it."),),
)
@json_option
@pass_session
def rotate(session: Session, *, as_json: bool) -> None:
    """Put a new key first in the key file and encrypt everything stored anew with it.

    Links and app passwords stay as they are, and running processes notice by themselves. Older keys stay in
    the file: the oldest one finds links and app passwords, and backups need theirs. Where the key is given by
    security.key, put a new one in front of it first. Run it again if it was interrupted.
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
    """Print a new key, for an installation whose key is given by security.key."""
    click.echo(new_key())
