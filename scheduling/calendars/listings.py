# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a calendar, written out by the database: listings of names and entity tags, and the whole .ics.

The database joins the text in pieces of bounded length, so that ten thousand members cost no ten thousand rows, and a
hundred thousand no more memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from scheduling.calendars.objects import HEAD, TAIL, zone_texts
from scheduling.database.prepared import Prepared
from scheduling.database.types import BigInt
from scheduling.ical import text
from scheduling.models import CalendarObject

_O = CalendarObject
_IN_ONE = 4000
"""Objects joined into one piece."""
_FIRST, _LAST, _LAST_DAY = -(2**62), 2**62, 2**30
_DIALECTS = ("sqlite", "postgresql")
_EMPTY: ColumnElement[str] = literal("", type_=String)


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInt)


def _text(name: str) -> ColumnElement[str]:
    return bindparam(name, type_=String)


_C = _O.calendar_id == bindparam("c", type_=Integer)
# The sum keeps SQLite, which has no statistics, on the index that is in the order of the pieces.
_MEMBER = (_C, ~_O.deleted, _O.leaves_on + 0 > _number("cutoff"))
_PLACE = tuple_(_O.leaves_on, _O.name)
_BY_SOURCE = Prepared(
    select(_O.source_id)
    .where(_C, _O.source_id > _number("after"))
    .order_by(_O.source_id)
    .limit(1)
    .offset(_IN_ONE)
)
_BY_PLACE = Prepared(
    select(_O.leaves_on, _O.name)
    .where(_C, tuple_(_number("day"), _text("name")) < _PLACE)
    .order_by(_O.leaves_on, _O.name)
    .limit(1)
    .offset(_IN_ONE)
)


def _listing(dialect: str, *, etags: bool) -> Select[*tuple[Any, ...]]:
    written: ColumnElement[str] = _text("before") + _O.name + _text("between")
    if etags:
        written = written + _O.etag + _text("behind")
    joined = {
        "sqlite": cast(func.group_concat(written, _EMPTY), LargeBinary),
        "postgresql": func.string_agg(written, _EMPTY),
    }
    return select(joined[dialect]).where(
        *_MEMBER, _O.source_id > _number("after"), _O.source_id <= _number("until")
    )


def _components(dialect: str) -> Select[*tuple[Any, ...]]:
    """In the order of the index, so that nothing is sorted; as stable as any: `leaves_on` follows from the text."""
    piece = (
        _C,
        ~_O.deleted,
        tuple_(_number("day"), _text("name")) < _PLACE,
        tuple_(_number("last_day"), _text("last_name")) >= _PLACE,
    )
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import aggregate_order_by  # noqa: PLC0415 - SQLite needs none of it

        ordered = aggregate_order_by(_EMPTY, _O.leaves_on, _O.name)
        return select(func.string_agg(_O.component, ordered)).where(*piece)
    some = select(_O.component).where(*piece).order_by(_O.leaves_on, _O.name).subquery()
    return select(cast(func.group_concat(some.c.component, _EMPTY), LargeBinary))


_NAMES = Prepared({it: _listing(it, etags=False) for it in _DIALECTS})
_NAMES_AND_ETAGS = Prepared({it: _listing(it, etags=True) for it in _DIALECTS})
_COMPONENTS = Prepared({it: _components(it) for it in _DIALECTS})
_ZONES = Prepared(select(_O.timezones).where(*_MEMBER, _O.timezones != "").distinct())
_OCTETS = {
    "sqlite": func.length(cast(_O.component, LargeBinary)),
    "postgresql": func.octet_length(_O.component),
}
_LENGTHS = Prepared({it: select(_O.name, _OCTETS[it], _O.timezones).where(*_MEMBER) for it in _DIALECTS})


def listing(
    connection: Connection, calendar_id: int, cutoff: date, before: str, between: str, behind: str | None
) -> Iterator[bytes]:
    """`before`, the name, `between`, the entity tag and `behind` of every member in UTF-8, in any order; without
    `behind` no entity tag either.
    """
    statement = _NAMES if behind is None else _NAMES_AND_ETAGS
    key = {"c": calendar_id, "cutoff": cutoff.toordinal()}
    given = {**key, "before": before, "between": between, "behind": behind}
    after = _FIRST
    while after < _LAST:
        bound = _BY_SOURCE.rows(connection, {"c": calendar_id, "after": after})
        until = bound[0][0] if bound else _LAST
        ((piece,),) = statement.rows(connection, {**given, "after": after, "until": until})
        if piece:
            yield _octets(piece)
        after = until


def whole_calendar(
    connection: Connection, calendar_id: int, cutoff: date, *, name: str, color: str, tzid: str
) -> Iterator[bytes]:
    """One calendar as an .ics file in UTF-8, in pieces: stable order, stable bytes."""
    key = {"c": calendar_id, "cutoff": cutoff.toordinal()}
    zones = {entry for (zones,) in _ZONES.rows(connection, key) for entry in zones.split()}
    yield (HEAD + _named(name, color, tzid) + zone_texts(zones)).encode()
    after = (cutoff.toordinal() + 1, "")
    while after[0] < _LAST_DAY:
        place = {"c": calendar_id, "day": after[0], "name": after[1]}
        bound = _BY_PLACE.rows(connection, place)
        last = (bound[0][0], bound[0][1]) if bound else (_LAST_DAY, "")
        ((piece,),) = _COMPONENTS.rows(connection, {**place, "last_day": last[0], "last_name": last[1]})
        if piece:
            yield _octets(piece)
        after = last
    yield TAIL.encode()


def lengths(
    connection: Connection, calendar_id: int, cutoff: date, *, name: str, color: str, tzid: str
) -> tuple[int, dict[str, int]]:
    """The length in octets of what `whole_calendar` gives, and of every member as a resource of its own."""
    found: dict[str, int] = {}
    entries: set[str] = set()
    components = 0
    for batch in _LENGTHS.batches(connection, {"c": calendar_id, "cutoff": cutoff.toordinal()}):
        for member, octets, zones in batch:
            components += octets
            entries.update(zones.split())
            found[member] = len(HEAD) + len(zone_texts(zones.split())) + octets + len(TAIL)
    head = HEAD + _named(name, color, tzid) + zone_texts(entries) + TAIL
    return len(head.encode()) + components, found


def _named(name: str, color: str, tzid: str) -> str:
    lines = (
        text.line("NAME", text.escape(name)),
        text.line("X-WR-CALNAME", text.escape(name)),
        text.line("X-WR-TIMEZONE", text.escape(tzid)),
        text.line("X-APPLE-CALENDAR-COLOR", color[:7]),
    )
    return "".join(lines)


def _octets(piece: Any) -> bytes:
    return piece if isinstance(piece, bytes) else str(piece).encode()
