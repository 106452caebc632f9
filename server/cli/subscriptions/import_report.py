# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet subscription show`: how an outside calendar is fetched, and what the last import found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from scheduling.sentences import counted
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.subscriptions import Subscription
from server.cli.terminal.output import json_option, print_facts, print_json
from server.cli.terminal.session import Session, pass_session

EXAMPLES = (("daysheet subscription show 1", "Why it fails, what was left out, and when it is tried again."),)


@click.argument("number", type=int, metavar="ID")
@json_option
@pass_session
def show(session: Session, *, number: int, as_json: bool) -> None:
    """Show how the subscription ID is fetched and what was found in it.

    It lists each event that was left out, with its line and the reason. Warnings name guesses, such as a time zone.
    """
    with session.database.read() as connection:
        found = subscriptions.get(connection, number, actor=session.actor)
    if as_json:
        print_json(asdict(found))
        return
    print_facts(f"Subscription {number}, {found.label}, {found.host}", _facts(found))
    for line in _findings(found.report or {}):
        click.echo(line)


def _facts(found: Subscription) -> list[tuple[str, object]]:
    policy = found.policy
    return [
        ("status", found.status if found.reason is None else f"{found.status} ({found.reason})"),
        ("remark", found.message),
        ("calendar", found.calendar_id),
        ("policy", f"busy {policy.busy}, tentative {policy.tentative}, visibility {policy.visibility}"),
        ("time zone", found.time_zone or "the user's"),
        ("credentials", found.has_credentials),
        ("last attempt", found.last_attempt_at),
        ("last success", found.last_success_at),
        ("next attempt", None if found.status == "paused" else datetime.fromtimestamp(found.next_at, UTC)),
        ("sync", f"{found.sync.state}, {found.sync.result}" if found.sync.result else found.sync.state),
        ("exchange", _exchange(found.http)),
        ("events", _counts(found.report)),
    ]


def _exchange(http: dict[str, Any] | None) -> str | None:
    if http is None:
        return None
    return f"HTTP {http['status']}, {counted(http['octets'], 'byte')} from {http['host']} in {http['milliseconds']} ms"


def _counts(report: dict[str, Any] | None) -> str | None:
    if report is None:
        return None
    counts = [f"{report.get(name, 0)} {name}" for name in ("fetched", "imported", "unchanged", "own")]
    return ", ".join([*counts, f"{len(report.get('skipped', ()))} skipped"])


def _findings(report: dict[str, Any]) -> Iterator[str]:
    if report.get("unknown"):
        yield f"  unknown: {report['unknown']}"
    for it in report.get("skipped", ()):
        uid = f", {it['uid']}" if it["uid"] else ""
        yield f"  skipped line {it['line']}{uid}: {it['reason']}"
    for sentence in report.get("warnings", ()):
        yield f"  warning: {sentence}"
