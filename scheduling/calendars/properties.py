# SPDX-License-Identifier: GPL-3.0-or-later
"""Client-private properties: what one viewer's clients set on a collection (colour, order, default alarms, ...).

They never touch the calendar itself or what anybody else sees. Names are in Clark notation, `{namespace}name`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from scheduling.database.prepared import Prepared, Source
from scheduling.errors import Invalid
from scheduling.models import CalendarProperty, User

_D, _C = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_APPLE, _CS = "{http://apple.com/ns/ical/}", "{http://calendarserver.org/ns/}"
ACCEPTED = frozenset(
    {
        f"{_D}displayname",
        f"{_C}calendar-description",
        f"{_C}calendar-timezone",
        f"{_C}calendar-timezone-id",
        f"{_C}calendar-free-busy-set",
        f"{_C}schedule-calendar-transp",
        f"{_C}schedule-default-calendar-URL",
        f"{_C}default-alarm-vevent-date",
        f"{_C}default-alarm-vevent-datetime",
        f"{_C}default-alarm-vtodo-date",
        f"{_C}default-alarm-vtodo-datetime",
        f"{_APPLE}calendar-color",
        f"{_APPLE}calendar-order",
        f"{_APPLE}refreshrate",
        f"{_APPLE}autoprovisioned",
        f"{_APPLE}language-code",
        f"{_APPLE}location-code",
        f"{_CS}subscribed-strip-alarms",
        f"{_CS}subscribed-strip-attachments",
        f"{_CS}subscribed-strip-todos",
        f"{_CS}default-alarm-vevent-date",
        f"{_CS}default-alarm-vevent-datetime",
        f"{_CS}calendar-availability",
        f"{_CS}alarm-sound",
    }
)
"""The properties a viewer may set for himself; all others are protected (RFC 4918, section 16)."""
MAXIMUM_LENGTH = 20_000

_OVERLAY = Prepared(
    select(CalendarProperty.path, CalendarProperty.name, CalendarProperty.value)
    .join(User, User.id == CalendarProperty.user_id)
    .where(User.username == bindparam("viewer"))
)
_USER = select(User.id).where(User.username == bindparam("viewer"))


def overlay(source: Source, viewer: str) -> dict[str, dict[str, str]]:
    """Everything `viewer` has set, by path (without slashes at the ends) and property name."""
    found: dict[str, dict[str, str]] = {}
    for path, name, value in _OVERLAY.rows(source, {"viewer": viewer}):
        found.setdefault(path, {})[name] = value
    return found


def change(connection: Connection, viewer: str, path: str, values: Mapping[str, str | None]) -> None:
    """Set (or with None remove) properties of `viewer` on `path`. Raises `Invalid` for one that is not accepted."""
    user_id = connection.scalar(_USER, {"viewer": viewer})
    if user_id is None:
        raise Invalid("There is no such user.")
    for name, value in values.items():
        if name not in ACCEPTED or (value is not None and len(value) > MAXIMUM_LENGTH):
            raise Invalid(f"The property {name} cannot be set.")
        connection.execute(
            delete(CalendarProperty).where(
                CalendarProperty.user_id == user_id,
                CalendarProperty.path == path,
                CalendarProperty.name == name,
            )
        )
        if value is not None:
            connection.execute(
                insert(CalendarProperty).values(user_id=user_id, path=path, name=name, value=value)
            )
