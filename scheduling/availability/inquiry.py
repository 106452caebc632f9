# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for busy time of calendar users, answered for each of them (RFC 6638, section 5; RFC 5546, section 3.3).

Whoever may not ask about others hears the same of colleagues and of addresses that nobody has.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from scheduling.access.permissions import permissions_of_role
from scheduling.access.users import User
from scheduling.availability import calendar_users, formats
from scheduling.availability.answer import Availability, answer
from scheduling.availability.busy_time import default_question
from scheduling.availability.people import Person, caught_up
from scheduling.errors import NotFound
from scheduling.ical.free_busy_request import FreeBusyRequest
from scheduling.snapshot import Snapshot

SUCCESS, UNKNOWN_USER, NO_AUTHORITY = "2.0;Success", "3.7;Invalid calendar user", "3.8;No authority"
"""Values of REQUEST-STATUS (RFC 5546, section 3.6)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """Of one recipient: the address as it was given, a REQUEST-STATUS, and a calendar with METHOD:REPLY or None."""

    recipient: str
    status: str
    calendar: str | None = None


def replies(
    snapshot: Snapshot, asker: User, asked: FreeBusyRequest, principals: Sequence[str]
) -> list[Reply]:
    """One for each attendee, in order; `principals` as in `calendar_users`. Raises `Invalid` for a question without
    bounds.
    """
    question = default_question(snapshot.view.availability, asked.start, asked.end)
    question.check(len(asked.attendees))
    whom = {
        it: asker.username for it in asked.attendees if calendar_users.is_address_of(asker, it, principals)
    }
    others = [it for it in asked.attendees if it not in whom]
    permissions = permissions_of_role(snapshot.connection, asker.role)
    permitted = calendar_users.may_ask_about_anybody(permissions)
    if permitted:
        whom |= calendar_users.find(snapshot.connection, others, principals)
    people = _loaded(snapshot, sorted(set(whom.values())))
    found = answer(snapshot.connection, people, question, snapshot.now) if people else []
    by_name = {it.person.username: it for it in found}
    missing = UNKNOWN_USER if permitted else NO_AUTHORITY
    return [_reply(it, by_name.get(whom.get(it, "")), asked, snapshot.now, missing) for it in asked.attendees]


def _loaded(snapshot: Snapshot, usernames: Sequence[str]) -> list[Person]:
    if not usernames:
        return []
    try:
        return caught_up(snapshot, usernames)
    except NotFound:  # somebody left while calendars were caught up
        found = []
        for name in usernames:
            with suppress(NotFound):
                found += caught_up(snapshot, [name])
        return found


def _reply(
    recipient: str, found: Availability | None, asked: FreeBusyRequest, stamp: int, missing: str
) -> Reply:
    if found is None:
        return Reply(recipient=recipient, status=missing)
    calendar = formats.reply(found, asked, recipient, stamp)
    return Reply(recipient=recipient, status=SUCCESS, calendar=calendar)
