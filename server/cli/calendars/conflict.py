# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet conflict`: jobs that overlap with something else."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from scheduling import kinds
from scheduling.access import users
from scheduling.calendars.events import SOURCES
from scheduling.composition import FOLLOWERS
from scheduling.conflicts import acknowledge as acts
from scheduling.conflicts import listing
from scheduling.conflicts.comparison import MOST, MOST_OF_USER
from scheduling.conflicts.listing import STATUSES, Conflict
from scheduling.kinds import CONFLICTS
from scheduling.snapshot import Snapshot
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.moments import Moment
from server.cli.terminal.output import json_option, moment, print_facts, print_json, print_table
from server.cli.terminal.session import Session, pass_session

_number = click.argument("number", type=int, metavar="ID")


@click.group(cls=ManualGroup)
def conflict() -> None:
    """List and acknowledge conflicts: jobs that overlap with something else of the same person.

    Daysheet opens and resolves them by itself. docs/conflicts.md says when.
    """


@conflict.command(
    "list",
    examples=(
        ("daysheet conflict list", "Conflicts that nobody has dealt with."),
        ("daysheet conflict list --user anna --status resolved", "Resolved conflicts of anna."),
    ),
)
@click.option("--user", metavar="USERNAME", help="Only those of this user.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    help="Only in this status. [default: open]",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(tuple(SOURCES.values())),
    help="Only with this kind of event.",
)
@click.option(
    "--from", "start", type=Moment(), metavar="TIME", help="Only those that end after this moment, UTC."
)
@click.option(
    "--to", "end", type=Moment(), metavar="TIME", help="Only those that start before this moment, UTC."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    metavar="N",
    help="How many to show at most.",
)
@json_option
@pass_session
def list_(
    session: Session,
    *,
    user: str | None,
    statuses: tuple[str, ...],
    kinds: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List conflicts, the soonest first."""
    with Snapshot(session.database, session.settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.settle(CONFLICTS.slug)
        wanted = listing.Filter(
            user_id=None if user is None else users.get(snapshot.connection, user).id,
            statuses=statuses or ("open",),
            kinds=kinds,
            start=_epoch(start),
            end=_epoch(end),
        )
        found = listing.page(snapshot.connection, wanted, limit=limit)
        crowded = listing.crowded(snapshot.connection, wanted.user_id)
    if as_json:
        print_json({"conflicts": [_plain(it) for it in found], "crowded": crowded})
        return
    print_table(
        ("Id", "User", "Status", "From", "To", "Job", "With"),
        [
            (it.id, it.username, it.status, moment(it.starts_at), moment(it.ends_at), _job(it), _other(it))
            for it in found
        ],
        empty="There are no such conflicts.",
    )
    for name in crowded:
        click.echo(
            f"{name} has more conflicts than are kept: {MOST} for a job, {MOST_OF_USER:,} for a user."
            " The others follow as these are resolved."
        )


@conflict.command("show")
@_number
@json_option
@pass_session
def show(session: Session, *, number: int, as_json: bool) -> None:
    """Show the conflict ID."""
    with Snapshot(session.database, session.settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.settle(CONFLICTS.slug)
        found = listing.get(snapshot.connection, number)
    if as_json:
        print_json(_plain(found))
    else:
        _print(found)


@conflict.command(
    "acknowledge", examples=(('daysheet conflict acknowledge 7 --note "Anna knows"', "Accept conflict 7."),)
)
@_number
@click.option("--note", metavar="TEXT", help="Why you accept it.")
@json_option
@pass_session
def acknowledge(session: Session, *, number: int, note: str | None, as_json: bool) -> None:
    """Accept the conflict ID: note that you know of it."""
    with session.database.write() as connection:
        found = acts.acknowledge(connection, number, note, actor=session.actor)
    if as_json:
        print_json(_plain(found))
    else:
        click.echo(f"Acknowledged conflict {number}.")


def _print(it: Conflict) -> None:
    facts: list[tuple[str, object]] = [
        ("user", it.username),
        ("status", it.status if it.reason is None else f"{it.status} ({it.reason})"),
        ("job", _job(it)),
        ("with", _other(it)),
        ("overlaps", it.overlap_count),
        *(
            ("", f"{moment(start):%Y-%m-%d %H:%M} - {moment(end):%Y-%m-%d %H:%M} UTC")
            for start, end in it.overlaps[:10]
        ),
        ("opened", it.opened_at),
        ("resolved", it.resolved_at),
        ("acknowledged", it.acknowledged_at),
        ("by", it.acknowledged_by),
        ("note", it.note),
    ]
    print_facts(f"Conflict {it.id}", facts)


def _plain(it: Conflict) -> dict[str, Any]:
    overlaps = [[moment(start), moment(end)] for start, end in it.overlaps]
    return {
        **asdict(it),
        "starts_at": moment(it.starts_at),
        "ends_at": moment(it.ends_at),
        "overlaps": overlaps,
    }


def _job(it: Conflict) -> str:
    return f"{it.job_reference}: {it.job_title}"


def _other(it: Conflict) -> str:
    return (
        f"busy in {it.other_title}"
        if kinds.of_event(it.other_kind).imported
        else f"{it.other_kind}: {it.other_title}"
    )


def _epoch(given: datetime | None) -> int | None:
    return None if given is None else int(given.timestamp())
