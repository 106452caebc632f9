# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedule files as iCalendar (RFC 5545): each VEVENT is a blocker of one user, or a job if in category Job.

A changed instance of a series (RECURRENCE-ID, section 3.8.4.4) becomes a blocker of its own and an exception
of the series. A blocker that is cancelled is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from icalendar import Calendar

from scheduling.ical.timezones import resolve
from scheduling.schedule.columns import entry
from scheduling.schedule.entries import BadValue, Entry, Kind, LoadFailed, Reading, UserNeeded
from scheduling.sentences import a

_Event: TypeAlias = Any
"""An `icalendar.Event`; its properties are of thirty types."""
_STATUS: Final = {"TENTATIVE": "offered", "CANCELLED": "cancelled"}
_SERIES: Final = ("RRULE", "RDATE", "RECURRENCE-ID")
_UNREAD: Final = ("VFREEBUSY", "VAVAILABILITY")
"""Components that say when somebody is busy, which no row of the schedule can."""
_ELSEWHERE: Final = "import the calendar as an outside one"
_DAY: Final = timedelta(days=1)
_BEGIN: Final = re.compile(r"^BEGIN:VCALENDAR\s*$", re.IGNORECASE | re.MULTILINE)


def read(text: str, user: str | None) -> Reading:
    """The events of a calendar as entries of `user`, and the number of each bad one. Raises `LoadFailed` for what is no
    calendar.
    """
    if user is None:
        raise UserNeeded(["an .ics file does not say whose it is."])
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, IndexError, KeyError) as error:
        raise LoadFailed([f"this is not an iCalendar file: {str(error)[:200]}."]) from None
    begun = len(_BEGIN.findall(text))
    if not begun or begun != sum(calendar.name == "VCALENDAR" for calendar in calendars):
        raise LoadFailed(["this is not an iCalendar file, or its end is missing."])
    events: list[_Event] = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    replaced = _replaced(events)
    found: list[Entry] = []
    problems = _unread(calendars)
    stated = _stated(calendars)
    for number, event in enumerate(events, start=1):
        try:
            found += _entries(event, f"event {number}", user, replaced, stated)
        except (ValueError, AttributeError, TypeError, OverflowError) as error:
            title = str(event.get("SUMMARY", ""))[:40] or "without a title"
            reasons = error.reasons if isinstance(error, BadValue) else (str(error),)
            problems += [f"event {number} ({title}): {reason}." for reason in reasons]
    return Reading(entries=found, problems=problems)


def _unread(calendars: Iterable[Any]) -> list[str]:
    """What of the calendars decides about time and cannot be loaded."""
    problems = []
    for calendar in calendars:
        method = str(calendar.get("METHOD", "PUBLISH")).upper()
        if method not in ("PUBLISH", "REQUEST"):
            problems.append(f"the calendar's METHOD is {method[:40]}, so its events are not the schedule.")
        problems += [
            f"the calendar has {a(name)}, which cannot be loaded; {_ELSEWHERE}."
            for name in _UNREAD
            if calendar.walk(name)
        ]
    return problems


def _stated(calendars: Iterable[Any]) -> dict[str, tzinfo]:
    """The zones by TZID that the file defines with daylight saving (section 3.6.5), while their names have none: GMT
    often is the name of London's clock.
    """
    found: dict[str, tzinfo] = {}
    for zone in (it for calendar in calendars for it in calendar.walk("VTIMEZONE")):
        tzid = str(zone.get("TZID", ""))
        if zone.walk("DAYLIGHT") and (named := resolve(tzid)) is not None and _is_fixed(named):
            found[tzid] = zone.to_tz(lookup_tzid=False)
    return found


def _is_fixed(zone: str) -> bool:
    days = (datetime(2020, month, 1, tzinfo=ZoneInfo(zone)) for month in range(1, 13))
    return len({day.utcoffset() for day in days}) == 1


def _entries(
    event: _Event,
    place: str,
    user: str,
    replaced: Mapping[str, list[datetime | date]],
    stated: Mapping[str, tzinfo],
) -> Iterable[Entry]:
    if event.errors:
        raise BadValue(
            *(f"{name or 'a property'} cannot be read: {reason[:100]}" for name, reason in event.errors)
        )
    uid = str(event.get("UID", "")).strip()
    if not uid:
        raise BadValue("it has no UID")
    job = any(name.casefold() == Kind.JOB for name in _categories(event))
    if str(event.get("STATUS", "")).upper() == "CANCELLED" and not job:
        return ()
    cells = _period(event, stated)
    instance = event.get("RECURRENCE-ID")
    if instance is not None and "RANGE" in instance.params:
        raise BadValue(f"it changes all later instances too (RANGE), which cannot be loaded; {_ELSEWHERE}")
    if any(name in event for name in _SERIES) and event["DTSTART"].params.get("TZID") in stated:
        raise BadValue(f"it recurs by a clock that only the file defines; {_ELSEWHERE}")
    if job:
        if any(name in event for name in _SERIES):
            raise BadValue("a job cannot recur; make it several jobs, or a blocker")
        return (entry(Kind.JOB, place, uid, cells | _job(event), users=(user,), shared=True),)
    title = str(event.get("SUMMARY", ""))[:255]
    cells |= {"title": title or "Blocked", "notes": str(event.get("DESCRIPTION", ""))}
    if instance is None:
        cells |= _recurrence(event, replaced.get(uid, []))
    else:
        uid = f"{uid}#{_wall(instance.dt, None)}"
    return (entry(Kind.BLOCKER, place, uid, cells, users=(user,), shared=True),)


def _job(event: _Event) -> dict[str, str]:
    where = event.get("GEO")
    return {
        "job_type": str(event.get("SUMMARY", "")),
        "status": _STATUS.get(str(event.get("STATUS", "")).upper(), "confirmed"),
        "address": str(event.get("LOCATION", "")),
        "latitude": "" if where is None else str(where.latitude),
        "longitude": "" if where is None else str(where.longitude),
        "notes": str(event.get("DESCRIPTION", "")),
    }


def _period(event: _Event, stated: Mapping[str, tzinfo]) -> dict[str, str]:
    """The period columns as text; an end that is not given is as section 3.6.1 says."""
    if "DTSTART" not in event:
        raise BadValue("it has no DTSTART")
    if "DTEND" in event and "DURATION" in event:
        raise BadValue("it has both DTEND and DURATION")
    start, zone = _moment(event["DTSTART"], stated)
    end, end_zone = _moment(event["DTEND"], stated) if "DTEND" in event else (None, None)
    if end is not None and isinstance(end, datetime) != isinstance(start, datetime):
        raise BadValue("one of DTSTART and DTEND is a date, the other a date-time")
    if not isinstance(start, datetime):
        end = end or start + (event["DURATION"].dt if "DURATION" in event else _DAY)
        if end < start:
            raise BadValue("it ends before it starts")
        return {"start_date": start.isoformat(), "end_date": max(end, start + _DAY).isoformat()}
    if end is None:
        length = event["DURATION"].dt if "DURATION" in event else timedelta()
        exact = start.tzinfo is not None and length % _DAY
        end, end_zone = (start.astimezone(UTC) + length, "UTC") if exact else (start + length, zone)
    if end_zone != zone:
        end, end_zone = _wall_clock(end, end_zone).astimezone(UTC), "UTC"
    return {
        "starts_at": _iso(start, zone),
        "ends_at": _iso(end, end_zone),
        "time_zone": zone or "",
    }


def _moment(given: Any, stated: Mapping[str, tzinfo]) -> tuple[Any, str | None]:
    """The date or date-time of a property, and its zone as `_zone` tells it; in UTC where the file defines its own."""
    own = stated.get(str(given.params.get("TZID")))
    if own is None or not isinstance(given.dt, datetime):
        return given.dt, _zone(given)
    return given.dt.replace(tzinfo=own).astimezone(UTC), "UTC"


def _zone(given: Any) -> str | None:
    """The IANA zone of a property, None for a floating one. Raises `BadValue` when it cannot be told."""
    tzid = given.params.get("TZID")
    if tzid is None:
        return "UTC" if isinstance(given.dt, datetime) and given.dt.tzinfo is not None else None
    zone = resolve(str(tzid))
    if zone is None:
        raise BadValue(f'the time zone "{str(tzid)[:60]}" is not known')
    return zone


def _wall_clock(moment: datetime, zone: str | None) -> datetime:
    """The moment by the rules of its IANA zone, whatever a VTIMEZONE said."""
    if zone is None:
        raise BadValue("one of DTSTART and DTEND has a time zone, the other none")
    return moment.replace(tzinfo=ZoneInfo(zone))


def _iso(moment: datetime, zone: str | None) -> str:
    wall = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{wall}Z" if zone == "UTC" else wall


def _recurrence(event: _Event, replaced: Iterable[datetime | date]) -> dict[str, str]:
    rules = _many(event, "RRULE")
    if len(rules) > 1 or "EXRULE" in event:
        raise BadValue("it has more than one recurrence rule, or an EXRULE")
    zone = _zone(event["DTSTART"])
    more = [it.dt for one in _many(event, "RDATE") for it in one.dts]
    if any(isinstance(it, tuple) for it in more):
        raise BadValue("it has an RDATE that is a period; only dates and date-times can be loaded")
    left_out = [it.dt for one in _many(event, "EXDATE") for it in one.dts]
    return {
        "rrule": rules[0].to_ical().decode() if rules else "",
        "rdate": ",".join(_wall(it, zone) for it in more),
        "exdate": ",".join(sorted({_wall(it, zone) for it in (*left_out, *replaced)})),
    }


def _replaced(events: Iterable[_Event]) -> dict[str, list[datetime | date]]:
    """The instances that other events of the same UID replace or cancel."""
    found: dict[str, list[datetime | date]] = {}
    for event in events:
        instance = event.get("RECURRENCE-ID")
        if hasattr(instance, "dt"):
            found.setdefault(str(event.get("UID", "")).strip(), []).append(instance.dt)
    return found


def _many(event: _Event, name: str) -> list[Any]:
    given = event.get(name, [])
    return given if isinstance(given, list) else [given]


def _categories(event: _Event) -> list[str]:
    return [str(name) for one in _many(event, "CATEGORIES") for name in getattr(one, "cats", [one])]


def _wall(moment: datetime | date, zone: str | None) -> str:
    """The basic form of RFC 5545, by the clock of `zone` where one is given."""
    if not isinstance(moment, datetime):
        return f"{moment:%Y%m%d}"
    if zone is not None and moment.tzinfo is not None:
        moment = moment.astimezone(ZoneInfo(zone))
    return f"{moment:%Y%m%dT%H%M%S}"
