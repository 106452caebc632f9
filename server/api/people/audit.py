# SPDX-License-Identifier: GPL-3.0-or-later
"""/audit: who did what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from scheduling.access import audit
from scheduling.access.audit import Filters
from scheduling.access.permissions import Permission
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.problems import FORMS
from server.api.protocol.values import Moment, Paged, Shown, ShownMoment, moment

routes = Routes(tag="Audit", about="The log of acts that matter for security. It can only grow.")

FORMS[r"^[^\x00]*$"] = "It has a NUL character in it"
Text = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=r"^[^\x00]*$")]


class AuditQuery(Paged):
    """Which entries."""

    actor: Text | None = Field(default=None, description="Only acts of this user or key.")
    action: Text | None = Field(default=None, description="Only this act, or a group: feed, feed.create.")
    subject: Text | None = Field(default=None, description="Only what was done to this: user:anna, feed:7.")
    since: Moment | None = Field(default=None, description="Only acts at or after this moment.")
    until: Moment | None = Field(default=None, description="Only acts before this moment.")


class Entry(Shown):
    """One act."""

    id: int
    at: ShownMoment
    actor_kind: str
    actor_id: int | None = Field(description="The id of the user or of the API key.")
    actor: str
    address: str | None = Field(description="The address of the request; null for the machine itself.")
    action: str
    subject: str
    facts: dict[str, str | int | None]


class Entries(Shown):
    """A page of the log."""

    entries: list[Entry]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@routes.operation("GET", "/audit", returns=Entries, refuses=(422,))
def list_audit_entries(call: Call, query: AuditQuery) -> Reply:
    """List acts, newest first."""
    call.require(Permission.AUDIT_VIEW)
    filters = Filters(
        actor=query.actor,
        action=query.action,
        subject=query.subject,
        since=moment(query.since, "since"),
        until=moment(query.until, "until"),
    )
    before = cursor.number(query.cursor)
    found = audit.page(call.connection, before=before, limit=query.limit + 1, filters=filters)
    page = found[: query.limit]
    following = cursor.write(page[-1].id) if len(found) > len(page) else None
    return Reply(body=Entries(entries=[_shown(it) for it in page], next=following))


def _shown(it: audit.Entry) -> Entry:
    return Entry(
        id=it.id,
        at=it.at,
        actor_kind=it.actor_kind,
        actor_id=it.actor_id,
        actor=it.actor,
        address=it.address,
        action=it.action,
        subject=it.subject,
        facts=dict(it.facts),
    )
