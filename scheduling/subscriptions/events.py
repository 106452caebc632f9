# SPDX-License-Identifier: GPL-3.0-or-later
"""The imported events of one subscription: those its calendar shows, and other versions that a kept generation holds.

A version is stored once, however many generations hold it. One that is shown is in `external_events`; when it is
replaced or taken away it moves to `external_event_versions`, and back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, and_, bindparam, delete, insert, select, update

from scheduling.database.chunks import chunks
from scheduling.database.dialects import insert_into
from scheduling.ical import series_json
from scheduling.ical.series import Series
from scheduling.models import Calendar, CalendarObject, ExternalEvent, ExternalEventVersion

_E, _V = ExternalEvent, ExternalEventVersion
_CONTENT = ("content_hash", "template", "timezones", "series", "status", "transparency")
_OF_UIDS = select(_E).where(
    _E.subscription_id == bindparam("subscription"), _E.uid.in_(bindparam("uids", expanding=True))
)
_VERSIONS_OF_UIDS = select(_V).where(
    _V.subscription_id == bindparam("subscription"), _V.uid.in_(bindparam("uids", expanding=True))
)

_ROWS = cast(Table, _E.__table__)
_CHANGE = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _CONTENT})
)
_DROP = delete(cast(Table, _V.__table__)).where(
    _V.subscription_id == bindparam("of"),
    _V.uid == bindparam("its_uid"),
    _V.content_hash == bindparam("its_hash"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """One event to insert or replace: rendered text with stamp markers, its TZIDs, and the facts it came from."""

    uid: str
    content_hash: str
    template: str
    timezones: str
    series: Series
    status: str
    transparency: str

    def row(self) -> dict[str, Any]:
        """Its columns but for the UID."""
        return {
            "content_hash": self.content_hash,
            "template": self.template,
            "timezones": self.timezones,
            "series": series_json.dumps(self.series),
            "status": self.status,
            "transparency": self.transparency,
        }


def hashes(connection: Connection, subscription_id: int) -> dict[str, str]:
    """UID to content hash of what is shown."""
    rows = connection.execute(select(_E.uid, _E.content_hash).where(_E.subscription_id == subscription_id))
    return {row.uid: row.content_hash for row in rows}


def version_keys(connection: Connection, subscription_id: int) -> set[tuple[str, str]]:
    """UID and content hash of every version kept beside."""
    rows = connection.execute(select(_V.uid, _V.content_hash).where(_V.subscription_id == subscription_id))
    return {(row.uid, row.content_hash) for row in rows}


def ahead(connection: Connection, subscription_id: int, slug: str, now: int) -> set[str]:
    """The UIDs of the shown events that have not ended at `now` (epoch seconds)."""
    statement = (
        select(_E.uid)
        .join(Calendar, and_(Calendar.user_id == _E.user_id, Calendar.slug == slug))
        .join(
            CalendarObject,
            and_(CalendarObject.calendar_id == Calendar.id, CalendarObject.source_id == _E.id),
        )
        .where(_E.subscription_id == subscription_id, ~CalendarObject.deleted, CalendarObject.ends_at > now)
    )
    return set(connection.scalars(statement))


def write(
    connection: Connection,
    subscription_id: int,
    user_id: int,
    wanted: Mapping[str, str],
    uids: Sequence[str],
    given: Mapping[str, StoredEvent],
) -> None:
    """Show those of the events `wanted` (UID to content hash) that have one of these `uids`, and no others with these.
    Contents come from `given`, else from the versions kept beside, and what is no longer shown is kept there. Done
    twice, it changes nothing. Part of the caller's transaction, like all here.
    """
    key = {"subscription": subscription_id, "uids": uids}
    shown = {row.uid: row for row in connection.execute(_OF_UIDS, key)}
    beside = {(row.uid, row.content_hash): row for row in connection.execute(_VERSIONS_OF_UIDS, key)}
    replaced = [row for uid, row in shown.items() if row.content_hash != wanted.get(uid)]
    _keep(connection, subscription_id, replaced, beside.keys())
    gone = [row.id for uid, row in shown.items() if uid not in wanted]
    if gone:
        connection.execute(delete(_E).where(_E.id.in_(gone)))
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    taken: list[tuple[str, str]] = []
    for uid in uids:
        if uid not in wanted or (uid in shown and shown[uid].content_hash == wanted[uid]):
            continue
        version = beside.get((uid, wanted[uid]))
        event = given.get(uid)
        if event is not None and event.content_hash == wanted[uid]:
            values = event.row()
        elif version is not None:
            values = {name: getattr(version, name) for name in _CONTENT}
        else:
            raise LookupError(f"the content of an event of subscription {subscription_id} is not stored")
        if version is not None:
            taken.append((uid, wanted[uid]))
        if uid in shown:
            changed.append({"row": shown[uid].id, **{f"new_{name}": it for name, it in values.items()}})
        else:
            new.append({"subscription_id": subscription_id, "user_id": user_id, "uid": uid, **values})
    if new:
        connection.execute(insert(_E), new)
    if changed:
        connection.execute(_CHANGE, changed)
    drop(connection, subscription_id, taken)


def unknown(connection: Connection, subscription_id: int, given: Iterable[StoredEvent]) -> list[StoredEvent]:
    """Those of the events whose content is not stored, shown or beside."""
    known = version_keys(connection, subscription_id)
    known.update(hashes(connection, subscription_id).items())
    return [event for event in given if (event.uid, event.content_hash) not in known]


def keep(connection: Connection, subscription_id: int, events: Iterable[StoredEvent]) -> None:
    """Store contents that are not shown, for a generation in quarantine or one that is going to be shown."""
    rows = [{"subscription_id": subscription_id, "uid": event.uid, **event.row()} for event in events]
    if rows:
        connection.execute(
            insert_into(connection, _V).on_conflict_do_nothing(
                index_elements=["subscription_id", "uid", "content_hash"]
            ),
            rows,
        )


def drop(connection: Connection, subscription_id: int, versions: Iterable[tuple[str, str]]) -> None:
    """Forget versions kept beside (UID and content hash)."""
    rows = [{"of": subscription_id, "its_uid": uid, "its_hash": it} for uid, it in versions]
    if rows:
        connection.execute(_DROP, rows)


def contents(
    connection: Connection, subscription_id: int, wanted: Mapping[str, str]
) -> Iterator[tuple[str, Row[*tuple[Any, ...]]]]:
    """UID and row (template, series and more) of each of the `wanted` versions that is stored, shown or not."""
    for uids in chunks(sorted(wanted)):
        key = {"subscription": subscription_id, "uids": uids}
        for statement in (_OF_UIDS, _VERSIONS_OF_UIDS):
            for row in connection.execute(statement, key):
                if wanted[row.uid] == row.content_hash:
                    yield row.uid, row


def _keep(
    connection: Connection,
    subscription_id: int,
    rows: Iterable[Row[*tuple[Any, ...]]],
    known: Collection[tuple[str, str]],
) -> None:
    kept = [
        {
            "subscription_id": subscription_id,
            "uid": row.uid,
            **{name: getattr(row, name) for name in _CONTENT},
        }
        for row in rows
        if (row.uid, row.content_hash) not in known
    ]
    if kept:
        connection.execute(insert(_V), kept)
