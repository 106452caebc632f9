# SPDX-License-Identifier: GPL-3.0-or-later
"""Which events of an outside calendar are this user's own, served by us and come back through another program.

They block already, so importing them would block twice and, between two servers, grow for ever.

What such a program keeps of an event is its UID. Those of jobs, blockers and time off end in the installation's random
name, which the database keeps; those of busy-only feeds are made with a key. So neither can be mistaken for another
installation's, and an event of a colleague in this installation is not this user's own: it blocks like any other.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlalchemy import Connection, bindparam, select

from scheduling import kinds
from scheduling.access.secrets import Keyring
from scheduling.database.chunks import chunks
from scheduling.feeds import text as feed_text
from scheduling.ical import text
from scheduling.kinds.kind import domain_of
from scheduling.kinds.rendered import object_name
from scheduling.models import Calendar, CalendarObject, Feed, Instance

SENTENCE = "Events of this user that came back were left out, because they already block."
_OPAQUE = re.compile(r"[0-9a-f]{32}@daysheet")
_CALENDARS = select(Calendar.id, Calendar.kind).where(Calendar.user_id == bindparam("user"))
_KNOWN = select(CalendarObject.uid).where(
    CalendarObject.calendar_id.in_(bindparam("calendars", expanding=True)),
    CalendarObject.name.in_(bindparam("names", expanding=True)),
)
_ALL = select(CalendarObject.uid).where(
    CalendarObject.calendar_id.in_(bindparam("calendars", expanding=True))
)
_FEEDS = select(Feed.id).where(Feed.user_id == bindparam("user"))


def may_be_ours(uid: str) -> bool:
    """Whether a UID has the form of those that an installation of Daysheet gives."""
    return uid.endswith("daysheet")


def own_uids(connection: Connection, keyring: Keyring, user_id: int, uids: Collection[str]) -> set[str]:
    """Those of the UIDs under which we serve an event of this user, or did until lately: a copy that outlives its
    original must not block either.
    """
    calendars = connection.execute(_CALENDARS, {"user": user_id}).all()
    name = connection.scalar(select(Instance.name))
    marked = [uid for uid in uids if uid.endswith(f"@{domain_of(name or '')}")]
    found: set[str] = set()
    if marked:
        # An event in an imported calendar was not made by us, even if it bears our mark: it is a colleague's.
        built_in = [row.id for row in calendars if not kinds.of(row.kind).imported]
        for chunk in chunks(marked):
            names = [object_name(uid) for uid in chunk]
            found.update(connection.scalars(_KNOWN, {"calendars": built_in, "names": names}))
    if any(_OPAQUE.fullmatch(uid) for uid in uids):
        found |= _opaque(connection, keyring, user_id, [row.id for row in calendars])
    return found.intersection(uids)


def _opaque(connection: Connection, keyring: Keyring, user_id: int, calendars: list[int]) -> set[str]:
    """The UIDs that the user's busy-only feeds show."""
    keys = [feed_text.uid_key(keyring, feed) for feed in connection.scalars(_FEEDS, {"user": user_id})]
    served = [
        text.line("UID", text.escape(uid)) for uid in connection.scalars(_ALL, {"calendars": calendars})
    ]
    return {feed_text.opaque_uid(line, key) for key in keys for line in served}
