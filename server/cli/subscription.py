# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet subscription`: outside calendars that block a user's time."""

from __future__ import annotations

from dataclasses import asdict

import click

from scheduling import subscriptions, users
from server import importing
from server.cli.manual import ManualGroup
from server.cli.output import json_option, print_facts, print_json, print_table
from server.cli.secret_input import read_line, read_link
from server.cli.session import Session, pass_session

_number = click.argument("number", type=int, metavar="ID")


@click.group(cls=ManualGroup)
def subscription() -> None:
    """Import outside calendars by their address, and see how that goes."""


@subscription.command(
    "add",
    examples=(
        ("daysheet subscription add anna --label Private", "Paste the address at the prompt."),
        ("daysheet subscription add anna --url-stdin < address.txt", "Read it from a file."),
    ),
)
@click.argument("username")
@click.argument("url", required=False)
@click.option("--url-stdin", is_flag=True, help="Read the address from standard input.")
@click.option(
    "--label", default="Calendar", show_default=True, metavar="TEXT", help="The calendar's name for the user."
)
@json_option
@pass_session
def add(
    session: Session, *, username: str, url: str | None, url_stdin: bool, label: str, as_json: bool
) -> None:
    """Import the calendar at URL for USERNAME; the importer fetches it at its next turn.

    Without URL it is asked for. An address often is a secret, and one given as an argument can be seen in the
    list of processes and in the shell's history: prefer the prompt, --url-stdin or "-", which means the same.
    """
    if url_stdin and url not in (None, "-"):
        raise click.UsageError("Give the address either as URL or with --url-stdin.")
    if url_stdin or url == "-":
        url = read_line("address").strip()
    with session.database.read() as connection:
        user_id = users.get(connection, username).id
    address = read_link() if url is None else url
    with session.database.write() as connection:
        added = subscriptions.add(connection, session.keyring, user_id, address, label, actor=session.actor)
    if as_json:
        print_json(asdict(added))
    else:
        click.echo(f"Added subscription {added.id} of {username} to {added.host}.")


@subscription.command("list")
@click.argument("username", required=False)
@json_option
@pass_session
def list_(session: Session, *, username: str | None, as_json: bool) -> None:
    """List the subscriptions of USERNAME or of everybody."""
    with session.database.read() as connection:
        user_id = None if username is None else users.get(connection, username).id
        found = subscriptions.list_subscriptions(connection, user_id)
        names = {one.id: one.username for one in users.list_users(connection)}
    if as_json:
        print_json({"subscriptions": [{**asdict(one), "username": names[one.user_id]} for one in found]})
        return
    print_table(
        ("Id", "User", "Label", "Host", "Status", "Last success", "Remark"),
        [
            (it.id, names[it.user_id], it.label, it.host, it.status, it.last_success_at, it.message)
            for it in found
        ],
        empty="There are no subscriptions; `daysheet subscription add` adds one.",
    )


@subscription.command("sync")
@_number
@click.option("--queue", is_flag=True, help="Only put it at the head of a running importer's queue.")
@json_option
@pass_session
def sync(session: Session, *, number: int, queue: bool, as_json: bool) -> None:
    """Import the subscription ID now; the exit code is 1 when that fails."""
    with session.database.write() as connection:
        subscriptions.request_sync(connection, number, actor=session.actor)
    if not queue:
        importing.run(session.settings, once=True, only=number)
    with session.database.read() as connection:
        found = subscriptions.get(connection, number)
    if as_json:
        print_json(asdict(found))
    elif queue:
        click.echo(f"Subscription {number} is next.")
    else:
        facts = [("status", found.status), ("remark", found.message), ("last success", found.last_success_at)]
        print_facts(f"Subscription {number}, {found.label}, {found.host}", facts)
    if found.status == "error" and not queue:
        raise click.exceptions.Exit(1)


@subscription.command("pause")
@_number
@pass_session
def pause(session: Session, *, number: int) -> None:
    """Stop importing the subscription ID; what was imported stays."""
    with session.database.write() as connection:
        subscriptions.pause(connection, number, actor=session.actor)
    click.echo(f"Paused subscription {number}.")


@subscription.command("resume")
@_number
@pass_session
def resume(session: Session, *, number: int) -> None:
    """Import the subscription ID again."""
    with session.database.write() as connection:
        subscriptions.resume(connection, number, actor=session.actor)
    click.echo(f"Resumed subscription {number}.")


@subscription.command("remove")
@_number
@pass_session
def remove(session: Session, *, number: int) -> None:
    """Remove the subscription ID and all that was imported from it."""
    with session.database.write() as connection:
        subscriptions.remove(connection, number, actor=session.actor)
    click.echo(f"Removed subscription {number}.")
