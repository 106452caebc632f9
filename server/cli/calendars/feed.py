# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet feed`: secret .ics links."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from scheduling.access import users
from scheduling.composition import FOLLOWERS
from scheduling.feeds import feeds
from scheduling.feeds.links import LONGEST_URL, subscribe_links
from scheduling.feeds.options import FeedOptions
from scheduling.readership import deliveries
from scheduling.sentences import counted
from scheduling.settings import stored
from scheduling.snapshot import Snapshot
from server.cli.calendars.feed_options import chosen, with_options
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_facts, print_json, print_table
from server.cli.terminal.session import Session, pass_session


@click.group(cls=ManualGroup)
def feed() -> None:
    """Create, show, change, renew and revoke secret .ics links.

    Whoever knows a link can read the calendars behind it. Regenerate it to end the old link.
    """


@feed.command(
    "create",
    examples=(
        ("daysheet feed create anna --label Outlook", "A link for Anna's Outlook."),
        (
            "daysheet feed create anna --label Agency --kind jobs --detail busy --future-months 3",
            "Show an agency only when Anna has jobs.",
        ),
    ),
)
@click.argument("username")
@click.option(
    "--label", default="Calendar", show_default=True, metavar="TEXT", help="What the link is used for."
)
@with_options
@json_option
@pass_session
def create(session: Session, /, *, username: str, label: str, as_json: bool, **given: Any) -> None:
    """Create a link to the calendars of USERNAME and show it."""
    options = chosen(FeedOptions(), given)
    with session.database.write() as connection:
        owner = users.get(connection, username)
        created, token = feeds.create(
            connection, session.keyring, owner.id, label, options, actor=session.actor
        )
    _print_link(session, created.id, token, as_json=as_json)


@feed.command("list")
@click.argument("username", required=False)
@json_option
@pass_session
def list_(session: Session, *, username: str | None, as_json: bool) -> None:
    """List the feeds of USERNAME or of everybody, without their links."""
    with session.database.read() as connection:
        user_id = None if username is None else users.get(connection, username).id
        found = feeds.list_feeds(connection, user_id, actor=session.actor)
        names = {one.id: one.username for one in users.list_users(connection)}
    if as_json:
        print_json({"feeds": [_json(one, names[one.user_id]) for one in found]})
        return
    print_table(
        ("Id", "User", "Label", "Shows", "Detail", "Created", "Last fetched", "Expires", "Revoked"),
        [
            (
                *(it.id, names[it.user_id], it.label, ", ".join(it.options.kinds), it.options.detail),
                *(it.created_at, it.last_fetched_at, it.expires_at, it.revoked_at),
            )
            for it in found
        ],
        empty="There are no feeds; `daysheet feed create` makes one.",
    )


@feed.command("show")
@click.argument("number", type=int, metavar="ID")
@json_option
@pass_session
def show(session: Session, *, number: int, as_json: bool) -> None:
    """Show the link of the feed ID again, its options, and whether its subscribers are up to date."""
    with session.database.write() as connection:
        token = feeds.reveal(connection, session.keyring, number, actor=session.actor)
        found = feeds.get(connection, number, actor=session.actor)
        owner = users.by_id(connection, found.user_id).username
    with Snapshot(session.database, session.settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.calendars_of(found.user_id)
        subscribers = deliveries.of_feed(snapshot.connection, found.user_id, number)
    url = session.settings.url(feeds.path_of(token))
    links = subscribe_links(url, found.label)
    if as_json:
        clients = [{**asdict(it), "up_to_date": it.up_to_date} for it in subscribers]
        shown = {**_json(found, owner), "feed_url": url, "links": asdict(links), "subscribers": clients}
        print_json(shown)
        return
    click.echo(url)
    facts = [(name.replace("_", " ").capitalize(), value) for name, value in asdict(found.options).items()]
    facts[0] = ("Kinds", ", ".join(found.options.kinds))
    addresses = {name.replace("_", " ").capitalize(): link for name, link in asdict(links).items()}
    del addresses["Url"], addresses["Webcal"]
    print_facts(f"Feed {number} of {owner}: {found.label}", [*facts, *addresses.items()])
    print_table(
        ("Client", "State", "Last request", "Requests", "Address"),
        [(it.client, _state(it), it.last_at, it.requests, it.address) for it in subscribers],
        empty="Nobody has fetched it yet.",
    )


@feed.command("update")
@click.argument("number", type=int, metavar="ID")
@click.option("--label", metavar="TEXT", help="What the link is used for.")
@with_options
@pass_session
def update(session: Session, /, *, number: int, label: str | None, **given: Any) -> None:
    """Change what the feed ID shows. Its link stays."""
    with session.database.write() as connection:
        options = chosen(feeds.get(connection, number, actor=session.actor).options, given)
        feeds.update(connection, number, label=label, options=options, actor=session.actor)
    click.echo(f"Updated feed {number}.")


@feed.command("regenerate")
@click.argument("number", type=int, metavar="ID")
@click.option(
    "--overlap",
    type=click.IntRange(0, feeds.LONGEST_OVERLAP),
    metavar="HOURS",
    help="How long the old link says that it was replaced. Without it, feeds.overlap_hours.",
)
@json_option
@pass_session
def regenerate(session: Session, *, number: int, overlap: int | None, as_json: bool) -> None:
    """Replace the link of the feed ID.

    The old link shows no data any more. It ends at once, or after the overlap.
    """
    with session.database.write() as connection:
        if overlap is None:
            overlap = stored.effective(connection, session.settings.config).feeds.overlap_hours
        token = feeds.regenerate(
            connection, session.keyring, number, overlap_hours=overlap, actor=session.actor
        )
    _print_link(session, number, token, as_json=as_json)


@feed.command("reset")
@click.argument("username")
@json_option
@pass_session
def reset(session: Session, *, username: str, as_json: bool) -> None:
    """Replace all links of USERNAME at once. `daysheet feed show` shows the new ones."""
    with session.database.write() as connection:
        user = users.get(connection, username)
        count = feeds.reset_all(connection, session.keyring, user.id, actor=session.actor)
    if as_json:
        print_json({"feeds": count})
    else:
        click.echo(f"Replaced {counted(count, 'link')} of {username}.")


@feed.command("revoke")
@click.argument("number", type=int, metavar="ID")
@pass_session
def revoke(session: Session, *, number: int) -> None:
    """End the feed ID and its link."""
    with session.database.write() as connection:
        feeds.revoke(connection, number, actor=session.actor)
    click.echo(f"Revoked feed {number}.")


def _state(delivery: deliveries.Delivery) -> str:
    if delivery.stale_since is None:
        return "up to date"
    return f"stale since {delivery.stale_since:%Y-%m-%d %H:%M} UTC"


def _json(one: feeds.Feed, username: str) -> dict[str, Any]:
    return {**asdict(one), "username": username}


def _print_link(session: Session, number: int, token: str, *, as_json: bool) -> None:
    link = session.settings.url(feeds.path_of(token))
    if len(link) > LONGEST_URL:
        click.echo(f"Google ignores links of more than {LONGEST_URL} characters.", err=True)
    if as_json:
        print_json({"id": number, "feed_url": link})
    else:
        click.echo(link)
