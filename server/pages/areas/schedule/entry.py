# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry: when, where with a map, whom to call, its address in the dispatch application, which devices have it."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Response

from scheduling import kinds
from scheduling.access.permissions import Permission
from scheduling.calendars import events
from scheduling.calendars.events import Event
from scheduling.errors import NotFound
from server.api.feeds import deliveries
from server.api.schedule import jobs
from server.pages.areas.schedule.schedule import in_conflict
from server.pages.frame.errors import Stop
from server.pages.frame.routes import Pages
from server.pages.frame.visit import Visit
from server.pages.words import apps
from server.pages.words.languages import N_, gettext

pages = Pages(area="schedule")
_JOB = kinds.JOBS.event
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
    job = _job(visit, event)
    address = (job.address if job is not None else None) or event.location
    return visit.page(
        "schedule/entry.html",
        event=event,
        kind=_KINDS.get(event.source, N_("Entry")),
        calendar=next(it.display_name for it in calendars if it.slug == event.calendar),
        said_status=_STATUSES.get(event.status, event.status),
        when=_when(visit, event),
        address=address,
        map=_map(visit, job, address),
        job=job,
        texts=texts,
        link=_web(texts.get("URL", "")),
        seen=_seen(visit, event),
        clash=event.id in in_conflict(visit, event.starts_at, event.ends_at),
    )


def _job(visit: Visit, event: Event) -> jobs.Job | None:
    if event.source != _JOB:
        return None
    body = jobs.get_job(visit.call, event.source_id).body
    assert isinstance(body, jobs.Job)
    return body


def _when(visit: Visit, event: Event) -> str:
    clock = visit.clock
    start, end = (datetime.fromtimestamp(it, UTC) for it in (event.starts_at, event.ends_at))
    if event.all_day:
        last = clock.local(datetime.fromtimestamp(event.ends_at - 1, UTC)).date()
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
