# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry: when, where with a map, whom to call, its address in the dispatch application, which devices have it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Response

from scheduling import kinds
from scheduling.access.permissions import Permission
from scheduling.calendars import events
from scheduling.calendars.calendars import CalendarState
from scheduling.calendars.events import Event
from scheduling.errors import NotFound
from server.api.feeds import deliveries
from server.api.schedule import jobs
from server.pages.areas.schedule.clashes import clashes
from server.pages.frame.errors import Stop
from server.pages.frame.routes import Pages
from server.pages.frame.visit import Visit
from server.pages.words import apps
from server.pages.words.languages import N_, gettext

pages = Pages(area="schedule")
_JOB = kinds.JOBS.event
_LONGEST_MOMENT = 11
"""Digits of epoch seconds until the year 5138."""
_KINDS = {
    kinds.JOBS.event: N_("Job"),
    kinds.BLOCKERS.event: N_("Blocked time"),
    kinds.TIME_OFF.event: N_("Time off"),
    kinds.EXTERNAL.event: N_("Outside calendar"),
}
_STATUSES = {"CONFIRMED": N_("confirmed"), "TENTATIVE": N_("not confirmed"), "CANCELLED": N_("cancelled")}


@pages.get("/schedule/<event_id>", needs=Permission.SCHEDULE_READ_OWN, title=N_("Entry"), under="/schedule")
def entry(visit: Visit, event_id: str) -> Response:
    """The page of one of the person's own entries."""
    calendars = visit.snapshot.calendars_of(visit.user.id)
    try:
        event, texts = events.get_with_texts(visit.connection, calendars, event_id)
    except NotFound:
        raise Stop(HTTPStatus.NOT_FOUND, gettext("This entry is not in your calendars any more.")) from None
    starts_at, ends_at = _time(visit, calendars, event)
    job = _job(visit, event)
    address = (job.address if job is not None else None) or event.location
    return visit.page(
        "schedule/entry.html",
        event=event,
        kind=_KINDS.get(event.source, N_("Entry")),
        calendar=_calendar(calendars, event),
        said_status=_STATUSES.get(event.status, event.status),
        when=_when(visit, starts_at, ends_at, all_day=event.all_day),
        address=address,
        map=_map(visit, job, address),
        job=job,
        texts=texts,
        link=_web(texts.get("URL", "")),
        seen=_seen(visit, event),
        clash=clashes(visit, starts_at, ends_at).has(event.id, starts_at, ends_at),
    )


def _job(visit: Visit, event: Event) -> jobs.Job | None:
    if event.source != _JOB:
        return None
    body = jobs.get_job(visit.call, event.source_id).body
    assert isinstance(body, jobs.Job)
    return body


def _calendar(calendars: Sequence[CalendarState], event: Event) -> str | None:
    """The name of an outside calendar, of which there may be several; of the others the kind says all."""
    if event.source != kinds.EXTERNAL.event:
        return None
    return next(it.display_name for it in calendars if it.slug == event.calendar)


def _time(visit: Visit, calendars: Sequence[CalendarState], event: Event) -> tuple[int, int]:
    """Start and end in epoch seconds: of a repeating event those of the instance that starts `at`, where there is one,
    else of its first.
    """
    at = visit.request.args.get("at", "")
    if event.recurring and at.isdecimal() and len(at) <= _LONGEST_MOMENT:
        start = int(at)
        found = events.during(visit.connection, calendars, start, start + 1, sources=(event.source,))
        times = [span for it in found if it.id == event.id for span in it.instances if span[0] == start]
        if times:
            return times[0]
    return event.starts_at, event.ends_at


def _when(visit: Visit, starts_at: int, ends_at: int, *, all_day: bool) -> str:
    clock = visit.clock
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (starts_at, ends_at))
    if all_day:
        last = clock.local(datetime.fromtimestamp(ends_at - 1, UTC)).date()
        first = clock.local(start).date()
        if first >= last:
            return clock.day(first)
        return gettext("%(first)s to %(last)s", first=clock.day(first), last=clock.day(last))
    if clock.local(start).date() == clock.local(end).date():
        return f"{clock.day(start)}, {clock.time(start)} – {clock.time(end)}"  # noqa: RUF001
    return f"{clock.day(start)}, {clock.time(start)} – {clock.day(end)}, {clock.time(end)}"  # noqa: RUF001


def _map(visit: Visit, job: jobs.Job | None, address: str) -> str | None:
    """The link to a map, from the template of the settings; None without an address or a template."""
    if job is not None and job.latitude is not None and job.longitude is not None:
        place = f"{job.latitude},{job.longitude}"
    elif address and _web(address) is None:
        place = " ".join(address.split())
    else:
        return None
    return _web(visit.settings.config.pages.map_url.render_url({"place": place}))


def _web(text: str) -> str | None:
    """The address, where it is one that a browser may safely open."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def _seen(visit: Visit, event: Event) -> list[str] | None:
    """Sentences on which of the person's devices have the entry as it is now; None where that is not kept."""
    if event.source != _JOB:
        return None
    body = deliveries.list_job_deliveries(visit.call, event.source_id).body
    assert isinstance(body, deliveries.JobDeliveries)
    mine = next((it for it in body.assignees if it.username == visit.user.username), None)
    return [_said(it) for it in (mine.readers if mine is not None else [])]


def _said(reader: deliveries.Reader) -> str:
    app = apps.name(reader.client)
    if reader.seen:
        return gettext("%(device)s (%(app)s) has it as it is now.", device=reader.label, app=app)
    return gettext("%(device)s (%(app)s) does not have it yet.", device=reader.label, app=app)
