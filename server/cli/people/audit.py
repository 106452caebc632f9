# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet audit`: who did what, for people and for export."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import click

from scheduling.access import audit as log
from scheduling.access.audit import Entry, Filters
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.moments import Moment
from server.cli.terminal.output import json_option, print_json, print_table
from server.cli.terminal.session import Session, pass_session

_COLUMNS = ("id", "at", "actor_kind", "actor_id", "actor", "address", "action", "subject", "facts")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by; such a cell gets an apostrophe in front."""


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for add in (
        click.option("--until", type=Moment(), metavar="TIME", help="Only before this moment, UTC."),
        click.option("--since", type=Moment(), metavar="TIME", help="Only from this moment on, UTC."),
        click.option("--subject", metavar="SUBJECT", help="Only entries about this, for example user:anna."),
        click.option("--action", metavar="ACTION", help="Only this action, or a group: feed, feed.create."),
        click.option("--actor", metavar="NAME", help="Only what this user or key did."),
    ):
        command = add(command)
    return command


@click.group(cls=ManualGroup)
def audit() -> None:
    """Read and export the audit log.

    It holds every act that matters for security: who, when, from where, what. It can only grow.
    """


@audit.command("list", examples=(("daysheet audit list --action password", "Who changed passwords lately."),))
@_filters
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    metavar="N",
    help="How many to show at most.",
)
@click.option("--before", type=int, metavar="ID", help="Only entries older than this one, for the next page.")
@json_option
@pass_session
def list_(session: Session, /, *, limit: int, before: int | None, as_json: bool, **chosen: Any) -> None:
    """List the newest entries, newest first."""
    with session.database.read() as connection:
        found = log.page(connection, before=before, limit=limit, filters=_chosen(chosen))
    if as_json:
        print_json({"entries": [asdict(it) for it in found]})
        return
    print_table(
        ("Id", "When", "Who", "From", "Did", "To", "Facts"),
        [(it.id, it.at, it.actor, it.address, it.action, it.subject, _pairs(it)) for it in found],
        empty="There are no such entries.",
    )


@audit.command(
    "export",
    examples=(("daysheet audit export --format csv --since 2026-01-01 > audit.csv", "For a spreadsheet."),),
)
@_filters
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="One JSON object per line, or CSV.",
)
@pass_session
def export(session: Session, /, *, form: str, **chosen: Any) -> None:
    """Write every entry to standard output, oldest first."""
    with session.database.read() as connection:
        entries = log.walk(connection, _chosen(chosen))
        if form == "jsonl":
            for entry in entries:
                click.echo(json.dumps(_row(entry), ensure_ascii=False))
        else:
            _write_csv(entries)


def _write_csv(entries: Iterable[Entry]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(_COLUMNS)
    for entry in entries:
        row = {**_row(entry), "facts": _pairs(entry)}
        cells = ("" if row[name] is None else str(row[name]) for name in _COLUMNS)
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])


def _row(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at": entry.at.isoformat(timespec="seconds").replace("+00:00", "Z")}


def _pairs(entry: Entry) -> str:
    return ", ".join(f"{name}={value}" for name, value in entry.facts.items())


def _chosen(given: dict[str, Any]) -> Filters:
    return Filters(**given)
