# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet webhook`: addresses that are told of events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Protocol

import click

from scheduling.access.permissions import Actor
from scheduling.database.connection import Connection
from scheduling.webhooks import EventType, deliveries, endpoints
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_facts, print_json, print_table
from server.cli.terminal.secret_input import read_line, read_link
from server.cli.terminal.session import Session, pass_session

_number = click.argument("number", type=int, metavar="ID")
_events = click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([str(event) for event in EventType]),
    help="An event to send; may be given several times. Without it, all events.",
)


@click.group(cls=ManualGroup)
def webhook() -> None:
    """Send signed HTTPS requests to other applications when something happens.

    The worker sends them, so it has to be running. docs/webhooks.md shows what a receiver does.
    """


@webhook.command(
    "add",
    examples=(
        ("daysheet webhook add https://app.example.com/daysheet", "Send all events to that address."),
        (
            "daysheet webhook add --url-stdin --event job.changed --within-hours 12 < address.txt",
            "Send only jobs that change less than 12 hours before they start.",
        ),
    ),
)
@click.argument("url", required=False)
@click.option("--url-stdin", is_flag=True, help="Read the address from standard input.")
@_events
@click.option(
    "--within-hours",
    type=click.IntRange(1, endpoints.LONGEST_HOURS),
    default=endpoints.DEFAULT_HOURS,
    show_default=True,
    help="Send a changed job only in the last N hours before its start.",
)
@click.option("--label", default="", metavar="TEXT", help="A name for it. Without it, the host.")
@json_option
@pass_session
def add(
    session: Session,
    *,
    url: str | None,
    url_stdin: bool,
    events: tuple[str, ...],
    within_hours: int,
    label: str,
    as_json: bool,
) -> None:
    """Register the address URL. Its signing secret is shown only once.

    Without URL, the command asks for it. An argument can be seen in the list of processes and in the shell's history.
    If the address holds a secret, use the prompt, --url-stdin or "-" (the same as --url-stdin).
    """
    if url_stdin and url not in (None, "-"):
        raise click.UsageError("Give the address either as URL or with --url-stdin.")
    if url_stdin or url == "-":
        url = read_line("address").strip()
    address = read_link("the webhook") if url is None else url
    with session.database.write() as connection:
        added, secret = endpoints.add(
            connection,
            session.keyring,
            address,
            events or tuple(EventType),
            label=label,
            within_hours=within_hours,
            allow_http=session.settings.importer.allow_http,
            admit=session.admission,
            actor=session.actor,
        )
    if as_json:
        print_json({**asdict(added), "secret": secret})
    else:
        print_facts(
            f"Webhook {added.id}, {added.host}", [("events", ", ".join(added.events)), ("secret", secret)]
        )


@webhook.command("list")
@json_option
@pass_session
def list_(session: Session, *, as_json: bool) -> None:
    """List the webhooks and their status."""
    with session.database.read() as connection:
        found = endpoints.page(connection)
    if as_json:
        print_json({"webhooks": [asdict(one) for one in found]})
        return
    print_table(
        ("Id", "Label", "Host", "Events", "Status", "Waiting", "Dead", "Last success", "Remark"),
        [
            (
                *(it.id, it.label, it.host, ", ".join(it.events), it.status),
                *(it.pending, it.dead, it.last_success_at, it.message),
            )
            for it in found
        ],
        empty="There are no webhooks; `daysheet webhook add` registers one.",
    )


@webhook.command("change")
@_number
@click.option("--url-stdin", is_flag=True, help="Read a new address from standard input.")
@_events
@click.option(
    "--within-hours",
    type=click.IntRange(1, endpoints.LONGEST_HOURS),
    help="Send a changed job only in the last N hours before its start.",
)
@click.option("--label", metavar="TEXT", help="A new name.")
@json_option
@pass_session
def change(
    session: Session,
    *,
    number: int,
    url_stdin: bool,
    events: tuple[str, ...],
    within_hours: int | None,
    label: str | None,
    as_json: bool,
) -> None:
    """Change the webhook ID. What is not given stays as it is."""
    with session.database.write() as connection:
        changed = endpoints.change(
            connection,
            session.keyring,
            number,
            url=read_line("address").strip() if url_stdin else None,
            events=events or None,
            label=label,
            within_hours=within_hours,
            allow_http=session.settings.importer.allow_http,
            admit=session.admission,
            actor=session.actor,
        )
    if as_json:
        print_json(asdict(changed))
    else:
        click.echo(f"Changed webhook {number}.")


@webhook.command("test")
@_number
@click.option("--queue", is_flag=True, help="Let a running worker send it.")
@json_option
@pass_session
def test(session: Session, *, number: int, queue: bool, as_json: bool) -> None:
    """Send a test event to the webhook ID now. The exit code is 1 when that fails."""
    with session.database.write() as connection:
        delivery_id = endpoints.test(connection, number, actor=session.actor)
    if not queue:
        from server import background  # noqa: PLC0415 - only where something is sent

        background.deliver(session.settings, delivery_id)
    with session.database.read() as connection:
        found = deliveries.get(connection, number, delivery_id)
    if as_json:
        print_json(asdict(found))
    elif found.status == "delivered":
        click.echo(f"Delivered: status {found.http_status} after {found.milliseconds} ms.")
    elif found.attempts:
        click.echo(f"Not delivered: {found.message}")
    else:
        click.echo(f"The test event of webhook {number} is queued.")
    if found.attempts and found.status != "delivered":
        raise click.exceptions.Exit(1)


@webhook.command("log")
@_number
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many to show."
)
@click.option("--before", type=int, metavar="ID", help="Only deliveries older than this one.")
@click.option("--status", type=click.Choice(deliveries.STATUSES), help="Only deliveries of this status.")
@json_option
@pass_session
def log(
    session: Session, *, number: int, limit: int, before: int | None, status: str | None, as_json: bool
) -> None:
    """Show the deliveries to the webhook ID, the newest first."""
    with session.database.read() as connection:
        found = deliveries.page(connection, number, before=before, limit=limit, status=status)
    if as_json:
        print_json({"deliveries": [asdict(one) for one in found]})
        return
    print_table(
        ("Id", "Event", "Created", "Status", "Attempts", "HTTP", "ms", "Remark"),
        [
            (
                *(it.id, it.event_type, it.created_at, it.status, it.attempts),
                *(it.http_status, it.milliseconds, it.message),
            )
            for it in found
        ],
        empty=f"Webhook {number} has no such deliveries.",
    )


@webhook.command("retry")
@_number
@click.argument("delivery", type=int, metavar="DELIVERY")
@pass_session
def retry(session: Session, *, number: int, delivery: int) -> None:
    """Queue a DELIVERY of the webhook ID again, a dead one for example."""
    with session.database.write() as connection:
        deliveries.retry(connection, number, delivery, actor=session.actor)
    click.echo(f"Delivery {delivery} of webhook {number} is queued.")


@webhook.command("secret")
@_number
@json_option
@pass_session
def secret(session: Session, *, number: int, as_json: bool) -> None:
    """Replace the signing secret of the webhook ID and show the new one.

    For one day, deliveries also carry a signature with the old secret. Change the receiver in this time.
    """
    with session.database.write() as connection:
        made = endpoints.replace_secret(connection, session.keyring, number, actor=session.actor)
    if as_json:
        print_json({"id": number, "secret": made})
    else:
        click.echo(made)


@webhook.command("pause")
@_number
@pass_session
def pause(session: Session, *, number: int) -> None:
    """Pause the webhook ID. What is queued waits."""
    _apply(session, endpoints.pause, number)
    click.echo(f"Paused webhook {number}.")


@webhook.command("resume")
@_number
@pass_session
def resume(session: Session, *, number: int) -> None:
    """Resume the webhook ID at once."""
    _apply(session, endpoints.resume, number)
    click.echo(f"Resumed webhook {number}.")


@webhook.command("remove")
@_number
@pass_session
def remove(session: Session, *, number: int) -> None:
    """Remove the webhook ID, its queue and its log."""
    _apply(session, endpoints.remove, number)
    click.echo(f"Removed webhook {number}.")


class _Act(Protocol):
    def __call__(self, connection: Connection, webhook_id: int, /, *, actor: Actor) -> None: ...


def _apply(session: Session, act: _Act, number: int) -> None:
    with session.database.write() as connection:
        act(connection, number, actor=session.actor)
