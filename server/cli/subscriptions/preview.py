# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet subscription preview`: what would become of a calendar."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduling.access import users
from scheduling.errors import Invalid
from scheduling.ical import timezones
from scheduling.subscriptions import events, own_events, subscriptions
from server.cli.subscriptions.source_credentials import credentials_of, with_credentials
from server.cli.terminal.output import json_option, print_json, print_table
from server.cli.terminal.secret_input import read_link
from server.cli.terminal.session import Session, pass_session

if TYPE_CHECKING:
    from server import importing

EXAMPLES = (
    ("daysheet subscription preview --user anna", "Type the address at the prompt."),
    ("daysheet subscription preview holidays.ics --time-zone Europe/Berlin", "Look at a file."),
    ("curl -s https://example.com/a.ics | daysheet subscription preview -", "Look at what comes in."),
)


@click.argument("source", required=False)
@click.option("--user", "username", metavar="USERNAME", help="The user who would get the calendar.")
@click.option("--time-zone", metavar="ZONE", help="The zone of times that name none, if no user is given.")
@click.option("--subscription", "number", type=int, metavar="ID", help="A subscription to compare with.")
@with_credentials
@json_option
@pass_session
def preview(
    session: Session,
    *,
    source: str | None,
    username: str | None,
    time_zone: str | None,
    number: int | None,
    auth: str | None,
    auth_name: str | None,
    secret_file: Path | None,
    as_json: bool,
) -> None:
    """Show how each event of a calendar would be imported, and which rules decide. Nothing is stored.

    SOURCE is an address, a file, or - for standard input. Without it, the command asks for the address. An address is
    often a secret. An argument can be seen in the list of processes and in the shell's history.
    """
    url, body = _read(source)
    credentials = credentials_of(auth, auth_name, secret_file)
    if url is None and credentials is not None:
        raise click.UsageError("Credentials belong to an address.")
    user = found = None
    stored: dict[str, str] = {}
    if username is not None or number is not None:
        with session.database.read() as connection:
            user = None if username is None else users.get(connection, username)
            if number is not None:
                found = subscriptions.get(connection, number, actor=session.actor)
                if user is not None and found.user_id != user.id:
                    raise Invalid(f"Subscription {number} belongs to another user.")
                user = users.by_id(connection, found.user_id)
                stored = events.hashes(connection, number)
    zone = time_zone or (found and found.time_zone) or (user.time_zone if user else "UTC")
    if not timezones.is_zone(zone):
        raise Invalid(f"{zone[:80]!r} is not a time zone; use an IANA name such as Europe/Berlin.")

    def own(uids: Collection[str]) -> set[str]:
        if user is None:
            return set()
        with session.database.read() as connection:
            return own_events.own_uids(connection, session.keyring, user.id, uids)

    from server import importing  # noqa: PLC0415 - it loads the importer and its HTTP client

    try:
        seen = importing.preview_of(
            session.settings,
            url=url,
            credentials=credentials,
            body=body,
            time_zone=zone,
            zone_is_given=bool(time_zone or (found and found.time_zone)),
            email=user.email if user else None,
            stored=stored,
            own=own,
        )
    except importing.Busy as error:
        raise Invalid(str(error)) from None
    if as_json:
        print_json(asdict(seen))
        return
    rows = [
        (
            it.line,
            it.outcome,
            _when(it),
            it.summary or it.uid,
            it.busy or "",
            it.time_zone,
            _why(it),
        )
        for it in seen.events
    ]
    print_table(
        ("Line", "Outcome", "Next", "Event", "Busy", "Zone", "Rules"),
        rows,
        empty="The calendar has no events.",
    )


def _read(source: str | None) -> tuple[str | None, bytes]:
    if source is None:
        return read_link(), b""
    from server import importing  # noqa: PLC0415

    if source == "-":
        return None, sys.stdin.buffer.read(importing.MOST_OCTETS + 1)
    if "://" in source:
        return source, b""
    try:
        with Path(source).open("rb") as file:
            return None, file.read(importing.MOST_OCTETS + 1)
    except OSError as error:
        raise Invalid(f"The file {source} cannot be read: {error.strerror}.") from None


def _when(it: importing.Judged) -> str:
    span = it.occurrences[0] if it.occurrences else it.extent
    return "" if span is None else f"{datetime.fromtimestamp(span.starts_at, UTC):%Y-%m-%d %H:%M}Z"


def _why(it: importing.Judged) -> str:
    return ", ".join(note.rule for note in it.rules)
