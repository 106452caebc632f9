# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of calendar that Daysheet does not have: when somebody is on call. This file is all of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, select

from scheduling import kinds
from scheduling.ical.event import Event
from scheduling.ical.spans import Horizon
from scheduling.kinds.kind import IDS, USER, Kind, Look, Owner, SourceRow, Wording
from scheduling.kinds.rendered import Rendered, from_event

TURNS = Table(
    "turns_on_call",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("user_id", BigInteger),
    Column("starts_at", BigInteger),
    Column("ends_at", BigInteger),
    Column("region", Text),
)
_SUMMARY = Wording(
    option="on_call_summary",
    default="On call: {region}",
    fields=("region",),
    doc="The title of a turn on call.",
)


def _render(row: SourceRow, owner: Owner, look: Look, horizon: Horizon) -> Rendered | None:
    event = Event(
        uid=owner.uid("on-call", row.id),
        span=(row.starts_at, row.ends_at),
        summary=look.text(_SUMMARY).render({"region": row.region}),
        description="",
        created=row.starts_at,
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="BUSY", horizon=horizon)


ON_CALL = Kind(
    slug="on-call",
    event="on_call",
    noun="turn on call",
    entries="turns on call",
    in_feed="turns on call",
    description="When {name} is on call. Read-only.",
    position=9,
    ids=select(TURNS.c.id).where(TURNS.c.user_id == USER),
    rows=select(TURNS).where(TURNS.c.user_id == USER, TURNS.c.id.in_(IDS)),
    render=_render,
    name="On call",
    color="#AA00BBFF",
    wordings=(_SUMMARY,),
    reason=lambda _status, _busy: ("on-call", "A turn on call blocks."),
)
kinds.register(ON_CALL)
