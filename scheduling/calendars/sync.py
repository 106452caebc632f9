# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync tokens (RFC 6578): made and parsed here only, and what changed since one.

A token names the calendar, a revision and the cutoff date, which together decide membership. Revisions are
milliseconds or more, so a database restored from a backup never gives one out that a client has seen with
other content: a revision that did not end a catching up recorded in this database is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Integer, and_, bindparam, or_, select

from scheduling.calendars.calendars import CalendarState
from scheduling.database.prepared import Prepared, Rows
from scheduling.errors import InvalidSyncToken, TooManyChanges
from scheduling.models import CalendarObject, CalendarRevision

_LONGEST = 200
NAMESPACE = "https://daysheet.invalid/ns/sync/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What a client holds. `pruned` is set on a page of a divided answer: the calendar's `pruned_revision` when the
    first was given, since what is told of removals must not have become less in between.
    """

    calendar_id: int
    revision: int
    cutoff: date
    pruned: int | None = None

    def __str__(self) -> str:
        page = "" if self.pruned is None else f"/{self.pruned}"
        return f"{NAMESPACE}{self.calendar_id}/{self.revision}/{self.cutoff.isoformat()}{page}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Raises `InvalidSyncToken`; only the exact spelling that `str()` gives is accepted."""
        try:
            calendar_id, revision, cutoff, *page = text[:_LONGEST].removeprefix(NAMESPACE).split("/")
            token = cls(
                calendar_id=int(calendar_id),
                revision=int(revision),
                cutoff=date.fromisoformat(cutoff),
                pruned=int(page[0]) if page else None,
            )
        except ValueError:
            raise InvalidSyncToken("The sync token is not from this server.") from None
        if str(token) != text:
            raise InvalidSyncToken("The sync token is not from this server.")
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
_ETAGS = (_O.name, _O.etag, _O.deleted, _O.leaves_on, _O.revision)
_AFTER = (
    select(*_ETAGS)
    .where(_O.calendar_id == bindparam("c"), _O.revision > bindparam("revision"))
    .order_by(_O.revision)
)
_SINCE, _SOME_SINCE = Prepared(_AFTER), Prepared(_AFTER.limit(bindparam("limit", type_=Integer)))
_SOME_MEMBERS = Prepared(
    _AFTER.where(~_O.deleted, _O.leaves_on > bindparam("cutoff")).limit(bindparam("limit", type_=Integer))
)
_MOVED = Prepared(
    select(*_ETAGS).where(
        _O.calendar_id == bindparam("c"),
        _O.revision <= bindparam("revision"),
        ~_O.deleted,
        _O.leaves_on > bindparam("low"),
        _O.leaves_on <= bindparam("high"),
    )
)
_PAGE = select(_O.revision).where(_O.calendar_id == bindparam("c"), _O.revision == bindparam("revision"))
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


def since(
    connection: Connection, calendar: CalendarState, old: str, limit: int | None = None
) -> tuple[Iterator[tuple[str, str | None]], Token]:
    """As `changes`, with everything an answer needs: names with their entity tags, None for what is no longer
    there, in the order of their revisions; and the token to give. An empty `old` is a client that holds nothing.

    With `limit`, at most that many changes, and where there are more a token from which to go on (RFC 6578,
    section 3.6). What the moving window brought in or took out is never divided: `TooManyChanges` where that
    alone exceeds `limit`.
    """
    current = token_of(calendar)
    held = Token.parse(old) if old else replace(current, revision=0)
    if held == current:
        return iter(()), current
    if old:
        _require_genuine(connection, calendar, held)
    key = {"c": calendar.id, "revision": held.revision}
    moved = _moved(connection, key, held.cutoff, current.cutoff)
    changed: Iterable[tuple[Any, ...]]
    if limit is None:
        changed, last = chain.from_iterable(_SINCE.batches(connection, key)), current
    elif len(moved) >= limit:
        raise TooManyChanges
    else:
        room = limit - len(moved)
        if old:
            some = _SOME_SINCE.rows(connection, {**key, "limit": room + 1})
        else:  # what is no longer there would only leave pages short, or empty
            members = {**key, "cutoff": current.cutoff.toordinal(), "limit": room + 1}
            some = _SOME_MEMBERS.rows(connection, members)
        last = current
        if len(some) > room:
            some = some[:room]
            last = replace(current, revision=some[-1][4], pruned=calendar.pruned_revision)
        changed = some
    cutoff = current.cutoff.toordinal()
    found = (
        (name, None if deleted or leaves_on <= cutoff else etag)
        for name, etag, deleted, leaves_on, _ in chain(moved, changed)
    )
    return (it for it in found if old or it[1] is not None), last


def _moved(connection: Connection, key: Mapping[str, int], held: date, current: date) -> Rows:
    if held == current:
        return []
    low, high = sorted((held.toordinal(), current.toordinal()))
    return _MOVED.rows(connection, {**key, "low": low, "high": high})


def _require_genuine(connection: Connection, calendar: CalendarState, held: Token) -> None:
    if held.calendar_id != calendar.id:
        raise InvalidSyncToken("The sync token belongs to another calendar.")
    remembered = calendar.pruned_revision
    pruned = held.revision < remembered if held.pruned is None else held.pruned != remembered
    if pruned:
        raise InvalidSyncToken(
            "The sync token is too old: Daysheet does not remember removed items for so long."
        )
    # A page of a divided answer ends on an object's revision, any other token on the last of a batch.
    issued = _GENUINE if held.pruned is None else _PAGE
    key = {"c": calendar.id, "revision": held.revision}
    if held.revision > calendar.revision or connection.scalar(issued, key) is None:
        raise InvalidSyncToken("The sync token was not issued by this database.")
