# SPDX-License-Identifier: GPL-3.0-or-later
"""From the rows of the contract tables (and imported events) to calendar objects, for one user and kind.

The only place that knows which rows of a kind are visible and what each column becomes in iCalendar.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, select
from sqlalchemy.exc import DBAPIError

from scheduling.calendars import policy as import_policy
from scheduling.calendars.policy import Policy
from scheduling.calendars.rendered import NotRenderable, Rendered, build, from_event
from scheduling.database.types import JobStatus, TimeOffStatus
from scheduling.ical import series_json, timezones
from scheduling.ical.event import Event
from scheduling.ical.recurrence import BadRule, parse_rule
from scheduling.ical.series import Series
from scheduling.ical.spans import Horizon
from scheduling.models import (
    Blocker,
    Conflict,
    ExternalEvent,
    Job,
    JobAssignment,
    Subscription,
    TimeOff,
    User,
)
from scheduling.settings.view import View

logger = logging.getLogger(__name__)

_STATUS = {JobStatus.OFFERED: "TENTATIVE", JobStatus.CANCELLED: "CANCELLED"}
_BUSY_STATUS = {"TENTATIVE": "TENTATIVE", "CANCELLED": "FREE", "CONFIRMED": "BUSY"}
_FBTYPE = {"TENTATIVE": "BUSY-TENTATIVE", "CANCELLED": "", "CONFIRMED": "BUSY"}
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose calendar is rendered, and the installation's name that goes into every UID."""

    user_id: int
    display_name: str
    time_zone: str
    instance: str

    def uid(self, kind: str, source_id: int) -> str:
        """Stable and opaque; our own events coming back through an import are known by its domain part."""
        digest = blake2b(f"{self.instance}/{kind}/{self.user_id}/{source_id}".encode(), digest_size=16)
        return f"{digest.hexdigest()}@{domain_of(self.instance)}"


def domain_of(instance: str) -> str:
    """What the UIDs of an installation's own events have behind the @."""
    return f"{instance}.daysheet"


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A row that could not be rendered, and why."""

    source_id: int
    reason: str


_Row = Row[*tuple[Any, ...]]
_Renderer = Callable[[_Row, Owner, View, Horizon], Rendered | None]

_JOBS = (
    select(Job)
    .join(JobAssignment, JobAssignment.job_id == Job.id)
    .where(JobAssignment.user_id == bindparam("user_id"), Job.id.in_(_IDS))
)
_BLOCKERS = select(Blocker).where(Blocker.user_id == bindparam("user_id"), Blocker.id.in_(_IDS))
_TIME_OFF = select(TimeOff).where(TimeOff.user_id == bindparam("user_id"), TimeOff.id.in_(_IDS))
_EXTERNAL = (
    select(
        ExternalEvent,
        Subscription.busy.label("policy_busy"),
        Subscription.tentative.label("policy_tentative"),
        Subscription.visibility.label("policy_visibility"),
    )
    .join(Subscription, Subscription.id == ExternalEvent.subscription_id)
    .where(ExternalEvent.user_id == bindparam("user_id"), ExternalEvent.id.in_(_IDS))
)
_CONFLICTS = (
    select(Conflict, User.display_name, User.username)
    .join(User, User.id == Conflict.user_id)
    .where(Conflict.id.in_(_IDS))
)


def ids(connection: Connection, kind: str, user_id: int, subscription_id: int | None) -> list[int]:
    """The source ids of one calendar, visible or not."""
    statement: Select[int]
    if kind == "jobs":
        statement = select(JobAssignment.job_id).where(JobAssignment.user_id == user_id)
    elif kind == "external":
        statement = select(ExternalEvent.id).where(
            ExternalEvent.subscription_id == subscription_id, ExternalEvent.user_id == user_id
        )
    elif kind == "conflicts":
        statement = select(Conflict.id).where(Conflict.status != "resolved")
    else:
        table = Blocker if kind == "blockers" else TimeOff
        statement = select(table.id).where(table.user_id == user_id)
    return list(connection.scalars(statement))


def render(
    connection: Connection, kind: str, owner: Owner, source_ids: Sequence[int], view: View, horizon: Horizon
) -> Iterator[Rendered | LeftOut]:
    """The visible objects among `source_ids`; a row that cannot be rendered is yielded as `LeftOut` and
    logged.
    """
    statement, renderer = _KINDS[kind]
    for row in _rows(connection, statement, owner.user_id, source_ids):
        if isinstance(row, LeftOut):
            problem: Rendered | LeftOut | None = row
        else:
            problem = _attempt(renderer, row, owner, view, horizon)
        if isinstance(problem, LeftOut):
            logger.warning(
                "left out %s %d of user %d: %s", kind, problem.source_id, owner.user_id, problem.reason
            )
        if problem is not None:
            yield problem


def _rows(
    connection: Connection, statement: Select[*tuple[Any, ...]], user_id: int, source_ids: Sequence[int]
) -> Sequence[_Row | LeftOut]:
    """The rows; where a driver cannot read one of them, they are read one at a time to find it."""
    try:
        return connection.execute(statement, {"user_id": user_id, "ids": list(source_ids)}).all()
    except (DBAPIError, ValueError, TypeError) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        if len(source_ids) == 1:
            return [LeftOut(source_id=source_ids[0], reason="one of its columns cannot be read")]
    singly = (_rows(connection, statement, user_id, [source_id]) for source_id in source_ids)
    return [row for rows in singly for row in rows]


def _attempt(
    renderer: _Renderer, row: _Row, owner: Owner, view: View, horizon: Horizon
) -> Rendered | LeftOut | None:
    try:
        return renderer(row, owner, view, horizon)
    except (NotRenderable, ValueError, OverflowError) as error:
        return LeftOut(source_id=row.id, reason=str(error)[:500])
    except (TypeError, AttributeError, KeyError) as error:  # SQLite columns may hold values of any type
        return LeftOut(source_id=row.id, reason=f"one of its columns has no usable value ({error})"[:500])


def _job(row: _Row, owner: Owner, view: View, horizon: Horizon) -> Rendered | None:
    if row.status not in view.calendars.job_statuses:
        return None
    values = {
        "reference": row.reference,
        "job_type": row.job_type,
        "organisation": row.organisation,
        "status": row.status,
        "address": row.address,
        "contact": row.contact,
        "rate": None if row.rate is None else str(row.rate),
        "currency": row.currency,
        "notes": row.notes,
        "user": owner.display_name,
        "latitude": _plain(row.latitude),
        "longitude": _plain(row.longitude),
    }
    if row.rate is None:
        values["currency"] = None
    templates = view.templates
    status = _STATUS.get(row.status, "CONFIRMED")
    has_place = row.latitude is not None and row.longitude is not None
    event = Event(
        uid=owner.uid("job", row.id),
        span=_period(row),
        summary=templates.job_summary.render(values) or row.reference,
        description=templates.job_description.render(values),
        location=templates.job_location.render(values),
        geo=(row.latitude, row.longitude) if has_place else None,
        url=templates.job_url.render_url(values),
        status=status,
        transparency="TRANSPARENT" if status == "CANCELLED" else "OPAQUE",
        busy_status=_BUSY_STATUS[status],
        categories=_categories("Job", row.job_type),
        created=_epoch(row.created_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy=_FBTYPE[status], horizon=horizon)


def _blocker(row: _Row, owner: Owner, view: View, horizon: Horizon) -> Rendered | None:
    values = {"title": row.title, "notes": row.notes, "reference": row.reference, "user": owner.display_name}
    event = Event(
        uid=owner.uid("blocker", row.id),
        span=_recurring(row, owner.time_zone, "BUSY"),
        summary=view.templates.blocker_summary.render(values) or "Blocked",
        description=view.templates.blocker_description.render(values),
        categories=("Blocker",),
        classification="PRIVATE",
        created=_epoch(row.created_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="BUSY", horizon=horizon)


def _time_off(row: _Row, owner: Owner, view: View, horizon: Horizon) -> Rendered | None:
    if row.status != TimeOffStatus.APPROVED:
        return None
    values = {
        "kind": row.kind,
        "status": row.status,
        "notes": row.notes,
        "reference": row.reference,
        "user": owner.display_name,
    }
    event = Event(
        uid=owner.uid("time-off", row.id),
        span=_period(row),
        summary=view.templates.time_off_summary.render(values) or "Time off",
        description=view.templates.time_off_description.render(values),
        busy_status="OOF",
        categories=_categories("Time off", row.kind),
        classification="PRIVATE",
        created=_epoch(row.created_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="BUSY-UNAVAILABLE", horizon=horizon)


def _external(row: _Row, owner: Owner, _view: View, horizon: Horizon) -> Rendered | None:
    policy = Policy(busy=row.policy_busy, tentative=row.policy_tentative, visibility=row.policy_visibility)
    series = series_json.loads(row.series)
    text, uid = row.template, row.uid
    if not policy.changes_nothing:
        series = import_policy.series(policy, series, text)
        text = import_policy.component(policy, text, owner.instance)
        if policy.visibility != "full":
            uid = import_policy.opaque_uid(uid, owner.instance)
    plain = series.rule is None and not (series.rdates or series.overrides or series.exdates)
    span = _as_single(series) if plain else series
    return build(
        uid=uid,
        source_id=row.id,
        text=text,
        span=span,
        tzid=owner.time_zone,
        status=import_policy.status(policy, row.status),
        transparency=import_policy.transparency(policy, row.transparency, row.status),
        busy=series.busy,
        horizon=horizon,
        zones=tuple(row.timezones.split()),
    )


def _conflict(row: _Row, owner: Owner, _view: View, horizon: Horizon) -> Rendered | None:
    """An open one is TENTATIVE, an acknowledged one CONFIRMED; neither takes the dispatcher's time."""
    if row.status == "resolved":
        return None
    acknowledged = row.status == "acknowledged"
    imported = row.other_kind == "external_ical"
    other = f"busy in {row.other_title}" if imported else row.other_title
    lines = [f"Job: {row.job_title} ({row.job_reference})", f"With: {other} ({_CALLED[row.other_kind]})"]
    if row.overlap_count > 1:
        lines.append(f"Overlaps: {row.overlap_count}, this is the first.")
    if acknowledged:
        lines.append(f"Acknowledged by {row.acknowledged_by}" + (f": {row.note}" if row.note else "."))
    event = Event(
        uid=owner.uid("conflict", row.id),
        span=(row.starts_at, row.ends_at),
        summary=f"{row.display_name or row.username}: {row.job_title} / {other}",
        description="\n".join(lines),
        status="CONFIRMED" if acknowledged else "TENTATIVE",
        transparency="TRANSPARENT",
        busy_status="FREE",
        categories=("Conflict", "Acknowledged" if acknowledged else "Open"),
        classification="PRIVATE",
        created=_epoch(row.opened_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="", horizon=horizon)


_CALLED = {"job": "job", "blocker": "blocker", "time_off": "time off", "external_ical": "outside calendar"}
_KINDS: dict[str, tuple[Select[*tuple[Any, ...]], _Renderer]] = {
    "jobs": (_JOBS, _job),
    "blockers": (_BLOCKERS, _blocker),
    "time-off": (_TIME_OFF, _time_off),
    "external": (_EXTERNAL, _external),
    "conflicts": (_CONFLICTS, _conflict),
}


def _as_single(series: Series) -> tuple[int, int] | tuple[date, date]:
    if isinstance(series.start, datetime) and isinstance(series.end, datetime):
        return timezones.to_epoch(series.start, series.tzid), timezones.to_epoch(series.end, series.tzid)
    return series.start, series.end


def _period(row: _Row) -> tuple[int, int] | tuple[date, date]:
    if row.starts_at is not None and row.ends_at is not None:
        start, end = int(row.starts_at.timestamp()), int(row.ends_at.timestamp())
        if end < start:
            raise NotRenderable("it ends before it starts")
        return start, end
    if row.start_date is not None and row.end_date is not None and row.end_date > row.start_date:
        return row.start_date, row.end_date
    raise NotRenderable("its start or end cannot be read as a date or an instant")


def _recurring(row: _Row, tzid: str, busy: str) -> tuple[int, int] | tuple[date, date] | Series:
    period = _period(row)
    if not (row.rrule or row.rdate):
        return period
    if not timezones.is_zone(tzid):
        raise NotRenderable(f"the user's time zone {tzid!r} is not an IANA time zone")
    start, end = period
    if isinstance(start, int) and isinstance(end, int):
        local_start, local_end = timezones.from_epoch(start, tzid), timezones.from_epoch(end, tzid)
        return _series(row, local_start, local_end, tzid, busy)
    assert isinstance(start, date)
    assert isinstance(end, date)
    return _series(row, start, end, tzid, busy)


def _series(row: _Row, start: date, end: date, tzid: str, busy: str) -> Series:
    try:
        rule = parse_rule(row.rrule) if row.rrule else None
    except BadRule as error:
        raise NotRenderable(f"its rrule is not usable: {error}") from error
    return Series(
        start=start,
        end=end,
        tzid=tzid,
        rule=rule,
        rdates=tuple(_moments(row.rdate, start)),
        exdates=tuple(_moments(row.exdate, start)),
        overrides={},
        busy=busy,
    )


def _moments(text: str | None, like: date) -> Iterator[date]:
    """Local moments between commas or white space, each `YYYYMMDD`, `YYYYMMDDTHHMMSS` or the ISO form."""
    for item in (text or "").replace(",", " ").split():
        try:
            moment = datetime.fromisoformat(item)
        except ValueError as error:
            raise NotRenderable(
                f"{item!r} in its rdate or exdate is not a local date or date-time"
            ) from error
        if moment.tzinfo is not None:
            raise NotRenderable(
                f"{item!r} in its rdate or exdate carries a zone; write it in the user's local time"
            )
        if not isinstance(like, datetime):
            yield moment.date()
        elif len(item) <= 10 and "T" not in item:
            yield datetime.combine(moment.date(), like.time())
        else:
            yield moment


def _categories(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.6f}"


def _epoch(value: datetime | None) -> int | None:
    return None if value is None else int(value.timestamp())
