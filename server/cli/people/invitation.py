# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet user invite`, `reset-link` and `sign-in-link`: one-time links that let somebody in."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from scheduling.access import one_time_links, users
from scheduling.access.one_time_links import LASTS, Purpose
from scheduling.database.connection import Connection
from scheduling.mail import invitations
from scheduling.mail.invitations import Brought
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_facts, print_json
from server.cli.terminal.session import Session, pass_session

_link_option = click.option(
    "--link", "here", is_flag=True, help="Print the link here, also where it could go by mail."
)


@click.command("invite", cls=ManualCommand)
@click.argument("username")
@_link_option
@json_option
@pass_session
def invite(session: Session, *, username: str, here: bool, as_json: bool) -> None:
    """Invite USERNAME, who has no password yet, to set one.

    The link is good for seven days, once. It goes by mail where [mail] is set and the user has an e-mail address;
    else it is printed here, to be passed on.
    """
    with session.database.write() as connection:
        brought = make(connection, session, username, Purpose.INVITATION, by_mail=not here)
    tell(username, "Invitation", brought, as_json=as_json)


@click.command("reset-link", cls=ManualCommand)
@click.argument("username")
@_link_option
@json_option
@pass_session
def reset_link(session: Session, *, username: str, here: bool, as_json: bool) -> None:
    """Let USERNAME set another password with a link, good for one hour, once.

    The present password works until then. The link goes by mail or is printed, as with `invite`.
    """
    with session.database.write() as connection:
        brought = make(connection, session, username, Purpose.PASSWORD_RESET, by_mail=not here)
    tell(username, "Link to set a password", brought, as_json=as_json)


@click.command("sign-in-link", cls=ManualCommand)
@click.argument("username")
@json_option
@pass_session
def sign_in_link(session: Session, *, username: str, as_json: bool) -> None:
    """Print a link that signs a browser in as USERNAME without a password, good for one hour, once.

    For emergencies: it is in the audit log.
    """
    at = datetime.now(UTC)
    with session.database.write() as connection:
        user = users.get(connection, username)
        token = one_time_links.make(
            connection, session.keyring, user.id, Purpose.SIGN_IN, at=at, actor=session.actor
        )
    url = session.settings.url(one_time_links.path_of(token))
    brought = Brought(mailed_to=None, url=url, expires_at=at + LASTS[Purpose.SIGN_IN])
    tell(username, "Link to sign in", brought, as_json=as_json)


def make(
    connection: Connection, session: Session, username: str, purpose: Purpose, *, by_mail: bool = True
) -> Brought:
    """A link with which the user sets a password, as `invitations.make_link`."""
    return invitations.make_link(
        connection,
        session.keyring,
        session.settings.config,
        username,
        purpose,
        root=session.settings.root,
        by_mail=by_mail,
        at=datetime.now(UTC),
        actor=session.actor,
    )


def tell(username: str, what: str, brought: Brought, *, as_json: bool = False) -> None:
    """Say how the link gets to its owner."""
    if as_json:
        facts = {"mailed_to": brought.mailed_to, "url": brought.url, "expires_at": brought.expires_at}
        print_json({"username": username, **facts})
    elif brought.url is None:
        click.echo(f"{what}: a letter with the link goes to {brought.mailed_to}.")
    else:
        print_facts(
            f"{what} for {username}; it is not shown again",
            [("link", brought.url), ("until", brought.expires_at)],
        )
