# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet feed`: secret .ics links."""

from __future__ import annotations

from dataclasses import asdict

import click

from scheduling import feeds, users
from server.cli.manual import ManualGroup
from server.cli.output import json_option, print_json, print_table
from server.cli.session import Session, pass_session


@click.group(cls=ManualGroup)
def feed() -> None:
    """Create, show, renew and revoke secret .ics links.

    Whoever knows such a link can read the calendars behind it. Regenerating it ends the old link at once.
    """


@feed.command(
    "create", examples=(("daysheet feed create anna --label Outlook", "A link for Anna's Outlook."),)
)
@click.argument("username")
@click.option(
    "--label", default="Calendar", show_default=True, metavar="TEXT", help="What the link is used for."
)
@json_option
@pass_session
def create(session: Session, *, username: str, label: str, as_json: bool) -> None:
    """Create a link to the calendars of USERNAME and show it."""
    with session.database.write() as connection:
        owner = users.get(connection, username)
        created, token = feeds.create(connection, session.keyring, owner.id, label)
    _print_link(session, created.id, token, as_json=as_json)


@feed.command("list")
@click.argument("username", required=False)
@json_option
@pass_session
def list_(session: Session, *, username: str | None, as_json: bool) -> None:
    """List the feeds of USERNAME or of everybody, without their links."""
    with session.database.read() as connection:
        user_id = None if username is None else users.get(connection, username).id
        found = feeds.list_feeds(connection, user_id)
        names = {one.id: one.username for one in users.list_users(connection)}
    if as_json:
        print_json({"feeds": [{**asdict(one), "username": names[one.user_id]} for one in found]})
        return
    print_table(
        ("Id", "User", "Label", "Created", "Revoked"),
        [(it.id, names[it.user_id], it.label, it.created_at, it.revoked_at) for it in found],
        empty="There are no feeds; `daysheet feed create` makes one.",
    )


@feed.command("show")
@click.argument("number", type=int, metavar="ID")
@json_option
@pass_session
def show(session: Session, *, number: int, as_json: bool) -> None:
    """Show the link of the feed ID again."""
    with session.database.read() as connection:
        token = feeds.show(connection, session.keyring, number)
    _print_link(session, number, token, as_json=as_json)


@feed.command("regenerate")
@click.argument("number", type=int, metavar="ID")
@json_option
@pass_session
def regenerate(session: Session, *, number: int, as_json: bool) -> None:
    """Replace the link of the feed ID; the old one ends at once."""
    with session.database.write() as connection:
        token = feeds.regenerate(connection, session.keyring, number)
    _print_link(session, number, token, as_json=as_json)


@feed.command("revoke")
@click.argument("number", type=int, metavar="ID")
@pass_session
def revoke(session: Session, *, number: int) -> None:
    """End the feed ID and its link."""
    with session.database.write() as connection:
        feeds.revoke(connection, number)
    click.echo(f"Revoked feed {number}.")


def _print_link(session: Session, number: int, token: str, *, as_json: bool) -> None:
    link = session.settings.url(feeds.path_of(token))
    if as_json:
        print_json({"id": number, "feed_url": link})
    else:
        click.echo(link)
