# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet subscription`: outside calendars that block a user's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scheduling.access import users
from scheduling.composition import FOLLOWERS
from scheduling.kinds.policy import BUSY, TENTATIVE, VISIBILITY, Policy
from scheduling.settings import stored
from scheduling.settings.view import View
from scheduling.subscriptions import history, subscriptions, unfinished
from scheduling.subscriptions.subscriptions import Changes
from server.cli.subscriptions import import_report, preview
from server.cli.subscriptions.source_credentials import credentials_of, with_credentials
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, moment, print_facts, print_json, print_table
from server.cli.terminal.secret_input import read_line, read_link
from server.cli.terminal.session import Session, pass_session

_number = click.argument("number", type=int, metavar="ID")
_generation = click.argument("generation", type=int, metavar="GENERATION")
_policies: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--busy",
        type=click.Choice(BUSY),
        help="honour: events marked as free do not block. all: they block too.",
    ),
    click.option("--tentative", type=click.Choice(TENTATIVE), help="Show tentative events as this."),
    click.option(
        "--visibility", type=click.Choice(VISIBILITY), help="What the user's calendars and feeds show."
    ),
    click.option(
        "--time-zone", metavar="ZONE", help="The zone of times that name none. Default: the user's."
    ),
)


def _with_policy(command: Callable[..., Any]) -> Callable[..., Any]:
    command = with_credentials(command)
    for option in reversed(_policies):
        command = option(command)
    return command


def _view(session: Session, connection: Any) -> View:
    return stored.view(connection, session.settings.config)


@click.group(cls=ManualGroup)
def subscription() -> None:
    """Import outside calendars by their address, and see their status."""


@subscription.command(
    "add",
    examples=(
        ("daysheet subscription add anna --label Private", "Type the address at the prompt."),
        ("daysheet subscription add anna --url-stdin < address.txt", "Read it from a file."),
    ),
)
@click.argument("username")
@click.argument("url", required=False)
@click.option("--url-stdin", is_flag=True, help="Read the address from standard input.")
@click.option(
    "--label", default="Calendar", show_default=True, metavar="TEXT", help="The calendar's name for the user."
)
@_with_policy
@json_option
@pass_session
def add(
    session: Session,
    *,
    username: str,
    url: str | None,
    url_stdin: bool,
    label: str,
    busy: str | None,
    tentative: str | None,
    visibility: str | None,
    time_zone: str | None,
    auth: str | None,
    auth_name: str | None,
    secret_file: Path | None,
    as_json: bool,
) -> None:
    """Import the calendar at URL for USERNAME. The worker fetches it at its next turn.

    Without URL, the command asks for it. An address is often a secret. An argument can be seen in the list of processes
    and in the shell's history. So use the prompt, --url-stdin or "-" (the same as --url-stdin).
    """
    if url_stdin and url not in (None, "-"):
        raise click.UsageError("Give the address either as URL or with --url-stdin.")
    if url_stdin or url == "-":
        url = read_line("address").strip()
    with session.database.read() as connection:
        user_id = users.get(connection, username).id
    address = read_link() if url is None else url
    credentials = credentials_of(auth, auth_name, secret_file)
    policy = Policy(
        busy=busy or "honour",  # type: ignore[arg-type]
        tentative=tentative or "tentative",  # type: ignore[arg-type]
        visibility=visibility or "full",  # type: ignore[arg-type]
    )
    with session.database.write() as connection:
        added = subscriptions.add(
            connection,
            session.keyring,
            user_id,
            address,
            label,
            credentials=credentials,
            policy=policy,
            time_zone=time_zone,
            admit=session.admission,
            actor=session.actor,
        )
    if as_json:
        print_json(asdict(added))
    else:
        click.echo(f"Added subscription {added.id} of {username} to {added.host}.")


@subscription.command("list")
@click.argument("username", required=False)
@click.option("--detached", is_flag=True, help="Only ended ones whose events stayed and still block.")
@click.option("--status", type=click.Choice(("active", "error", "paused")), help="Only those in this status.")
@json_option
@pass_session
def list_(
    session: Session, *, username: str | None, detached: bool, status: str | None, as_json: bool
) -> None:
    """List the subscriptions of USERNAME or of everybody."""
    with session.database.read() as connection:
        user_id = None if username is None else users.get(connection, username).id
        listed = subscriptions.list_subscriptions(connection, user_id, detached=detached, actor=session.actor)
        found = [one for one in listed if status in (None, one.status)]
        names = {one.id: one.username for one in users.list_users(connection)}
    if as_json:
        print_json({"subscriptions": [{**asdict(one), "username": names[one.user_id]} for one in found]})
        return
    print_table(
        ("Id", "User", "Label", "Host", "Status", "Last success", "Remark"),
        [
            (it.id, names[it.user_id], it.label, it.host, _status(it), it.last_success_at, it.message)
            for it in found
        ],
        empty="There are no such subscriptions."
        if status or detached
        else "There are no subscriptions; `daysheet subscription add` adds one.",
    )


@subscription.command("sync")
@_number
@click.option("--queue", is_flag=True, help="Let a running worker fetch it, and return at once.")
@json_option
@pass_session
def sync(session: Session, *, number: int, queue: bool, as_json: bool) -> None:
    """Import the subscription ID now. The exit code is 1 when that fails.

    With --queue, the worker fetches it: at the earliest `subscriptions.sync_seconds` after the last requested sync,
    and not before the server's Retry-After is over.
    """
    with session.database.write() as connection:
        limits = stored.effective(connection, session.settings.config).subscriptions
        wait = limits.sync_seconds if queue else None
        subscriptions.request_sync(connection, number, wait=wait, actor=session.actor)
    if not queue:
        from server import background  # noqa: PLC0415 - only where something is fetched

        background.import_one(session.settings, number)
    with session.database.read() as connection:
        found = subscriptions.get(connection, number, actor=session.actor)
    if as_json:
        print_json(asdict(found))
    elif queue:
        click.echo(f"Subscription {number} is queued.")
    else:
        facts = [("status", found.status), ("remark", found.message), ("last success", found.last_success_at)]
        print_facts(f"Subscription {number}, {found.label}, {found.host}", facts)
    if found.status == "error" and not queue:
        raise click.exceptions.Exit(1)


@subscription.command("pause")
@_number
@pass_session
def pause(session: Session, *, number: int) -> None:
    """Stop importing the subscription ID. What was imported stays."""
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


@subscription.command("change")
@_number
@click.option("--label", metavar="TEXT", help="Another name.")
@click.option("--url", "new_url", is_flag=True, help="Another address. The command asks for it.")
@click.option("--url-stdin", is_flag=True, help="Another address, from standard input.")
@click.option("--no-auth", is_flag=True, help="Forget the credentials.")
@click.option("--no-time-zone", is_flag=True, help="Read times that name no zone in the user's zone again.")
@_with_policy
@json_option
@pass_session
def change(
    session: Session,
    *,
    number: int,
    label: str | None,
    new_url: bool,
    url_stdin: bool,
    no_auth: bool,
    no_time_zone: bool,
    busy: str | None,
    tentative: str | None,
    visibility: str | None,
    time_zone: str | None,
    auth: str | None,
    auth_name: str | None,
    secret_file: Path | None,
    as_json: bool,
) -> None:
    """Change the subscription ID. What is not given stays as it is.

    A change of --busy, --tentative and --visibility counts at once. With a new address, the events of the old one
    still block until the new one was read and is not doubted.
    """
    if no_time_zone and time_zone is not None:
        raise click.UsageError("Give either --time-zone or --no-time-zone.")
    url = read_line("address").strip() if url_stdin else read_link() if new_url else None
    changes = Changes(
        label=label,
        url=url,
        credentials=credentials_of(auth, auth_name, secret_file),
        no_credentials=no_auth,
        busy=busy,
        tentative=tentative,
        visibility=visibility,
        time_zone=time_zone,
        user_zone=no_time_zone,
    )
    with session.database.write() as connection:
        changed = subscriptions.change(
            connection,
            session.keyring,
            number,
            changes,
            admit=session.admission,
            actor=session.actor,
        )
    if as_json:
        print_json(asdict(changed))
    else:
        click.echo(f"Changed subscription {number}.")


@subscription.command("generations")
@_number
@json_option
@pass_session
def generations(session: Session, *, number: int, as_json: bool) -> None:
    """List the states in which the subscription ID was read."""
    with session.database.read() as connection:
        found = history.list_generations(connection, number, actor=session.actor)
    if as_json:
        rows = [{name: it for name, it in asdict(one).items() if name != "manifest"} for one in found]
        print_json({"generations": rows})
        return
    print_table(
        ("Id", "State", "Events", "First seen", "Last seen", "Doubts"),
        [
            (it.id, it.state, it.events, moment(it.seen_at), moment(it.last_seen_at), ", ".join(it.doubts))
            for it in found
        ],
        empty=f"Subscription {number} has not been read yet.",
    )


@subscription.command("diff")
@_number
@_generation
@json_option
@pass_session
def diff(session: Session, *, number: int, generation: int, as_json: bool) -> None:
    """Show what would change if GENERATION became the current one of the subscription ID."""
    with session.database.read() as connection:
        found = history.diff(connection, number, generation, actor=session.actor)
    if as_json:
        print_json({"differences": [asdict(it) for it in found]})
        return
    print_table(
        ("Change", "Start", "Title"),
        [(it.change, moment(it.starts_at), it.title) for it in found],
        empty="It holds the same events.",
    )


@subscription.command("accept")
@_number
@_generation
@pass_session
def accept(session: Session, *, number: int, generation: int) -> None:
    """Accept a doubted GENERATION of the subscription ID, and show it."""
    with session.database.write() as connection:
        view = _view(session, connection)
        history.accept(connection, number, generation, view, actor=session.actor, followers=FOLLOWERS)
    unfinished.finish(session.database, session.settings.config, number, followers=FOLLOWERS)
    click.echo(f"Accepted generation {generation} of subscription {number}.")


@subscription.command("reject")
@_number
@_generation
@pass_session
def reject(session: Session, *, number: int, generation: int) -> None:
    """Reject a doubted GENERATION of the subscription ID. It is not taken over later."""
    with session.database.write() as connection:
        history.reject(connection, number, generation, actor=session.actor)
    click.echo(f"Rejected generation {generation} of subscription {number}.")


@subscription.command("rollback")
@_number
@_generation
@pass_session
def rollback(session: Session, *, number: int, generation: int) -> None:
    """Go back to an earlier GENERATION of the subscription ID. The present one is rejected."""
    with session.database.write() as connection:
        view = _view(session, connection)
        history.roll_back(connection, number, generation, view, actor=session.actor, followers=FOLLOWERS)
    unfinished.finish(session.database, session.settings.config, number, followers=FOLLOWERS)
    click.echo(f"Subscription {number} shows generation {generation} again.")


@subscription.command("remove")
@_number
@click.option(
    "--events",
    type=click.Choice(("keep", "delete")),
    default="keep",
    show_default=True,
    help="keep: the events stay and still block. delete: they go.",
)
@pass_session
def remove(session: Session, *, number: int, events: str) -> None:
    """End the subscription ID. Its events stay and still block, unless --events says delete."""
    with session.database.write() as connection:
        subscriptions.remove(connection, number, events=events, actor=session.actor)  # type: ignore[arg-type]
    click.echo(f"Removed subscription {number}.")


@subscription.command("discard")
@_number
@pass_session
def discard(session: Session, *, number: int) -> None:
    """Delete the events that stayed of the ended subscription ID (`list --detached`)."""
    with session.database.write() as connection:
        subscriptions.remove_detached(connection, number, actor=session.actor)
    click.echo(f"Removed the calendar that stayed of subscription {number}.")


def _status(found: subscriptions.Subscription) -> str:
    return "detached" if found.detached_at is not None else found.status


subscription.command("show", examples=import_report.EXAMPLES)(import_report.show)
subscription.command("preview", examples=preview.EXAMPLES)(preview.preview)
