# SPDX-License-Identifier: GPL-3.0-or-later
"""What catching up changes in one calendar: objects shown anew, tombstones, occurrences and rows left out.

Gives out the revisions, SEQUENCE and LAST-MODIFIED (RFC 5545, sections 3.8.7.3 and 3.8.7.4), all of which
only rise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, update

from scheduling.calendars.followers import Extent
from scheduling.calendars.objects import etag_of
from scheduling.database.dialects import insert_into
from scheduling.ical.event import stamped
from scheduling.ical.spans import RECURRING
from scheduling.kinds.rendered import Rendered
from scheduling.models import CalendarObject, OccurrenceRow, UnrenderedSource

_FACTS = ("starts_at", "ends_at", "busy", "span", "series")
"""What may differ under the same text, for example when the user's days begin elsewhere."""
STORED_COLUMNS = tuple(
    getattr(CalendarObject, name)
    for name in ("source_id", "name", "fingerprint", "deleted", "sequence", "changed_at", *_FACTS)
)
"""The columns of a stored object that `Changeset` compares with."""
_THIS = (CalendarObject.calendar_id == bindparam("calendar"), CalendarObject.name == bindparam("object"))
_NEW_FACTS = update(CalendarObject).where(*_THIS).values({name: bindparam(f"new_{name}") for name in _FACTS})
_BURY = (
    update(CalendarObject)
    .where(*_THIS)
    .values(
        deleted=True,
        revision=bindparam("new_revision"),
        changed_at=bindparam("moment"),
        component="",
        timezones="",
        series="",
    )
)
_FAREWELL_COLUMNS = ("component", "timezones", "sequence", "status", "starts_at", "ends_at", "leaves_on")
_FAREWELL = (
    update(CalendarObject)
    .where(*_THIS)
    .values({name: bindparam(f"new_{name}") for name in _FAREWELL_COLUMNS})
)

StoredRow = Row[*tuple[Any, ...]]


@dataclass(kw_only=True, slots=True)
class Changeset:
    """Collects and then writes. `first` is the first revision to give out; `changed` says when a source
    changed, in epoch seconds, and `now` stands in for the others. `extents` are, for every source that looks
    different now, those of its object before and after. `shown` and `removed` are as in `followers.Change`.
    """

    calendar_id: int
    first: int
    now: int
    changed: Mapping[int, int]
    count: int = 0
    newest: int = 0
    extents: dict[int, list[Extent]] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    _written: list[dict[str, Any]] = field(default_factory=list)
    _facts: list[dict[str, Any]] = field(default_factory=list)
    _buried: list[dict[str, Any]] = field(default_factory=list)
    _farewells: list[dict[str, Any]] = field(default_factory=list)
    _occurrences: list[dict[str, Any]] = field(default_factory=list)
    _expanded: list[str] = field(default_factory=list)
    _left_out: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The last revision given out."""
        return self.first + self.count - 1

    def show(self, rendered: Rendered, known: StoredRow | None) -> None:
        """The source is visible; it gets a revision unless it looks as it did."""
        if rendered.occurrences or (known is not None and known.span == RECURRING):
            self._expand(rendered)
        if known is None or known.deleted or known.fingerprint != rendered.fingerprint:
            self._write(rendered, known)
        elif any(getattr(known, name) != getattr(rendered, name) for name in _FACTS):
            facts = {f"new_{name}": getattr(rendered, name) for name in _FACTS}
            self.shown[rendered.name] = max(known.ends_at, rendered.ends_at)
            self._facts.append({"calendar": self.calendar_id, "object": rendered.name, **facts})

    def bury(self, known: StoredRow, farewell: Rendered | None = None) -> None:
        """The object is gone or no longer visible: leave a tombstone. `farewell` is how it looks to those who are to
        see that it was cancelled; it is one step further in SEQUENCE, and so is what may come after it.
        """
        if known.span == RECURRING:
            self._expanded.append(known.name)
        self._note(known.source_id, known)
        self.removed[known.name] = known.ends_at
        self._buried.append(
            {
                "calendar": self.calendar_id,
                "object": known.name,
                "new_revision": self._revision(),
                "moment": (moment := self._moment(known.source_id, known.changed_at)),
            }
        )
        if farewell is not None:
            self._bid_farewell(farewell, sequence=known.sequence + 1, changed_at=moment)

    def leave_out(self, source_id: int, reason: str) -> None:
        """The source cannot be rendered."""
        self._left_out.append({"calendar_id": self.calendar_id, "source_id": source_id, "reason": reason})

    def store(self, connection: Connection, source_ids: Sequence[int]) -> None:
        """Write what was collected about `source_ids` and start over with nothing collected."""
        connection.execute(
            delete(UnrenderedSource).where(
                UnrenderedSource.calendar_id == self.calendar_id, UnrenderedSource.source_id.in_(source_ids)
            )
        )
        if self._expanded:
            connection.execute(
                delete(OccurrenceRow).where(
                    OccurrenceRow.calendar_id == self.calendar_id, OccurrenceRow.name.in_(self._expanded)
                )
            )
        for statement, rows in (
            (insert(UnrenderedSource), self._left_out),
            (_BURY, self._buried),
            (_FAREWELL, self._farewells),
            (_upsert(connection), self._written),
            (_NEW_FACTS, self._facts),
            (insert(OccurrenceRow), self._occurrences),
        ):
            if rows:
                connection.execute(statement, rows)
                rows.clear()
        self._expanded.clear()

    def _bid_farewell(self, rendered: Rendered, *, sequence: int, changed_at: int) -> None:
        values = {
            "component": stamped(rendered.template, sequence=sequence, changed_at=changed_at),
            "timezones": rendered.timezones,
            "sequence": sequence,
            "status": rendered.status,
            "starts_at": rendered.starts_at,
            "ends_at": rendered.ends_at,
            "leaves_on": rendered.leaves_on,
        }
        key = {"calendar": self.calendar_id, "object": rendered.name}
        self._farewells.append({**key, **{f"new_{name}": value for name, value in values.items()}})

    def _write(self, rendered: Rendered, known: StoredRow | None) -> None:
        if known is not None and not known.deleted:
            self._note(rendered.source_id, known)
        self._note(rendered.source_id, rendered)
        self.shown[rendered.name] = max(it.ends_at for it in (rendered, known) if it is not None)
        sequence = 0 if known is None else known.sequence + 1
        changed_at = self._moment(rendered.source_id, 0 if known is None else known.changed_at)
        component = stamped(rendered.template, sequence=sequence, changed_at=changed_at)
        self._written.append(
            {
                "calendar_id": self.calendar_id,
                "name": rendered.name,
                "uid": rendered.uid,
                "source_id": rendered.source_id,
                "revision": self._revision(),
                "sequence": sequence,
                "deleted": False,
                "fingerprint": rendered.fingerprint,
                "etag": etag_of(component, rendered.timezones),
                "component": component,
                "timezones": rendered.timezones,
                "series": rendered.series,
                "span": rendered.span,
                "starts_at": rendered.starts_at,
                "ends_at": rendered.ends_at,
                "leaves_on": rendered.leaves_on,
                "status": rendered.status,
                "transparency": rendered.transparency,
                "busy": rendered.busy,
                "changed_at": changed_at,
            }
        )

    def _expand(self, rendered: Rendered) -> None:
        self._expanded.append(rendered.name)
        self._occurrences += [
            {
                "calendar_id": self.calendar_id,
                "name": rendered.name,
                "starts_at": it.starts_at,
                "ends_at": it.ends_at,
                "busy": it.busy,
            }
            for it in rendered.occurrences
        ]

    def _note(self, source_id: int, shown: Rendered | StoredRow) -> None:
        self.extents.setdefault(source_id, []).append((shown.starts_at, shown.ends_at))

    def _revision(self) -> int:
        self.count += 1
        return self.last

    def _moment(self, source_id: int, previous: int) -> int:
        """When the source changed; after the object's last change, since clients compare LAST-MODIFIED."""
        moment = max(self.changed.get(source_id, self.now), previous + 1)
        self.newest = max(self.newest, moment)
        return moment


def _upsert(connection: Connection) -> Any:
    statement = insert_into(connection, CalendarObject)
    replaced = {
        column.name: statement.excluded[column.name]
        for column in CalendarObject.__table__.columns
        if not column.primary_key
    }
    return statement.on_conflict_do_update(index_elements=["calendar_id", "name"], set_=replaced)
