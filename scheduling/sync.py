# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync tokens (RFC 6578): made and parsed here only, and what changed since one.

A token names the calendar, a revision and the cutoff date, which together decide membership. Revisions are
milliseconds or more, so a database restored from a backup never gives one out that a client has seen with
other content: a revision that did not end a catching up recorded in this database is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, bindparam, or_, select

from scheduling.calendars import CalendarState
from scheduling.errors import InvalidSyncToken
from scheduling.models import CalendarObject, CalendarRevision

_LONGEST = 200
NAMESPACE = "https://daysheet.invalid/ns/sync/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What a client holds."""

    calendar_id: int
    revision: int
    cutoff: date

    def __str__(self) -> str:
        return f"{NAMESPACE}{self.calendar_id}/{self.revision}/{self.cutoff.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Raises `InvalidSyncToken`; only the exact spelling that `str()` gives is accepted."""
        try:
            calendar_id, revision, cutoff = text[:_LONGEST].removeprefix(NAMESPACE).split("/")
            token = cls(
                calendar_id=int(calendar_id), revision=int(revision), cutoff=date.fromisoformat(cutoff)
            )
        except ValueError:
            raise InvalidSyncToken("The sync token is not one of this server's.") from None
        if str(token) != text:
            raise InvalidSyncToken("The sync token is not one of this server's.")
        return token


def token_of(calendar: CalendarState) -> Token:
    """The calendar's present token."""
    return Token(calendar_id=calendar.id, revision=calendar.revision, cutoff=calendar.cutoff)


_O = CalendarObject
_GENUINE = select(CalendarRevision.last).where(
    CalendarRevision.calendar_id == bindparam("c"), CalendarRevision.last == bindparam("revision")
)
_CHANGED = select(_O.name).where(
    _O.calendar_id == bindparam("c"),
    or_(
        _O.revision > bindparam("revision"),
        and_(~_O.deleted, _O.leaves_on > bindparam("low"), _O.leaves_on <= bindparam("high")),
    ),
)
_CHANGED_ONLY = select(_O.name).where(_O.calendar_id == bindparam("c"), _O.revision > bindparam("revision"))


def changes(connection: Connection, calendar: CalendarState, old: str) -> Iterator[str]:
    """The names of the objects that were added, changed or removed since `old`; which of these one is follows
    from whether it is a member now. Raises `InvalidSyncToken` (RFC 6578, section 3.2).
    """
    held = Token.parse(old)
    current = token_of(calendar)
    if held == current:
        return iter(())
    _require_genuine(connection, calendar, held)
    parameters = {"c": calendar.id, "revision": held.revision}
    if held.cutoff == current.cutoff:
        return iter(connection.scalars(_CHANGED_ONLY, parameters).all())
    low, high = sorted((held.cutoff.toordinal(), current.cutoff.toordinal()))
    return iter(connection.scalars(_CHANGED, {**parameters, "low": low, "high": high}).all())


def _require_genuine(connection: Connection, calendar: CalendarState, held: Token) -> None:
    if held.calendar_id != calendar.id:
        raise InvalidSyncToken("The sync token belongs to another calendar.")
    if held.revision < calendar.pruned_revision:
        raise InvalidSyncToken("The sync token is older than what is remembered about removed items.")
    ahead = held.revision > calendar.revision
    if ahead or connection.scalar(_GENUINE, {"c": calendar.id, "revision": held.revision}) is None:
        raise InvalidSyncToken("The sync token was not issued by this database.")
