# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedule files as iCalendar (RFC 5545): each VEVENT is a blocker of one user, or a job if in category Job.

The files are read like outside calendars (importer/understand). Guesses are noted. An event that cannot be understood,
or cannot be kept in the schedule, is a mistake. A changed instance of a series (RECURRENCE-ID, section 3.8.4.4) becomes
a blocker of its own and an exception of the series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import date, datetime
from typing import Final

from importer import strict
from importer.errors import NotACalendar, Unusable
from importer.understand import group
from importer.understand.body import Stream
from importer.understand.event import Details, ImportedEvent
from importer.understand.group import Component, Group
from importer.understand.meaning import imported, properties_of
from importer.understand.period import period
from importer.understand.recurring.repetition import Budget
from importer.understand.split import Feed
from importer.understand.values import Reader, epoch
from importer.understand.zones import Zones
from scheduling.ical.series import Override, Series
from scheduling.ical.timezones import from_epoch
from scheduling.load.cells import entry
from scheduling.schedule.entries import BadValue, Entry, Kind, LoadFailed, Reading
from scheduling.sentences import counted

_STATUS: Final = {"TENTATIVE": "offered", "CANCELLED": "cancelled"}
_ELSEWHERE: Final = "import the calendar as an outside one"
_METHODS: Final = frozenset({"PUBLISH", "REQUEST"})
_NOT_KEPT: Final = frozenset(
    {
        "duration-unreadable", "end-before-start", "end-unreadable", "exdate-unreadable", "exrule-too-large",
        "exrule-unreadable", "exrule-written-out", "line-unreadable", "repetition-covered", "repetition-throughout",
        "repetition-unreadable", "rrule-written-out", "time-outside", "uid-shared", "version-unreadable",
    }
)  # fmt: skip
"""What the importer tolerates but a schedule file may not contain."""


def read(
    body: bytes, user: str, *, time_zone: str, now: datetime, addresses: Set[str] = frozenset()
) -> Reading:
    """The events of a calendar as entries of `user`, with the line of each mistake. `user` has this IANA zone and these
    e-mail addresses in lower case. Raises `LoadFailed` if the text is no calendar.
    """
    try:
        feed = Stream(body=body, charset="utf-8").opened()
    except NotACalendar as error:
        message = f"this is not an iCalendar file, or its end is missing: {error.message}"
        raise LoadFailed([message]) from None
    zones = Zones(feed.zones, feed.calendar_zone, time_zone, now)
    return _Loader(feed, user, zones, now, addresses).reading()


class _Loader:
    def __init__(self, feed: Feed, user: str, zones: Zones, now: datetime, addresses: Set[str]) -> None:
        self._addresses = addresses
        self._feed = feed
        self._user = user
        self._zones = zones
        self._now = now
        self._budget = Budget()
        self._blocks = {it.line: it for it in feed.events if it.line not in feed.free_busy}
        self._numbers = {line: number for number, line in enumerate(sorted(self._blocks), start=1)}
        self._entries: list[Entry] = []
        self._problems: list[str] = []
        self._notes: list[str] = []

    def reading(self) -> Reading:
        """All entries of the calendar."""
        for method in dict.fromkeys(it.upper() for it in self._feed.methods):
            if method not in _METHODS:
                self._problems.append(
                    f"the calendar's METHOD is {method[:40]}, so its events are not the schedule."
                )
        self._problems += [f"line {it.line}: {_lower(it.reason)}" for it in self._feed.skipped]
        for line in sorted(self._feed.free_busy):
            message = f"line {line}: the calendar has a VFREEBUSY, which cannot be loaded; {_ELSEWHERE}."
            self._problems.append(message)
        for name, count in sorted(self._feed.others.items()):
            self._notes.append(f"the calendar has {counted(count, name)}, which is not loaded.")
        for uid, blocks in group.bundles(self._blocks.values()).items():
            for item in group.groups(uid, blocks, self._addresses):
                self._read(item)
        return Reading(entries=self._entries, problems=self._problems, notes=self._notes)

    def _read(self, item: Group) -> None:
        is_plain = True
        for part in item.parts:
            mistakes = strict.mistakes(part, self._zones)
            if item.uid.endswith(group.NO_UID):
                mistakes.insert(0, "it has no UID")
            is_plain = is_plain and not mistakes
            self._tell(part, mistakes)
        if not is_plain:
            return
        first = item.master or item.overrides[0]
        try:
            found = imported(item, "", self._zones, self._now, self._budget)
        except Unusable as error:
            if error.gap is None:
                self._notes.append(self._sentence(first, f"{error.reason} It was left out."))
            else:
                self._tell(first, [_lower(error.reason).rstrip(".")])
            return
        wrong = [it for it in found[0].notes if it.gap is not None or it.rule in _NOT_KEPT]
        if wrong:
            self._tell(first, [f"{_lower(it.sentence).rstrip('.')}; {_ELSEWHERE}" for it in wrong])
            return
        self._notes += [self._sentence(first, it.sentence) for it in found[0].notes if it.guess]
        for number, event in enumerate(found):
            try:
                self._entries += self._of(event, first, is_first=not number)
            except BadValue as error:
                self._tell(first, error.reasons)

    def _of(self, event: ImportedEvent, part: Component, *, is_first: bool) -> Iterator[Entry]:
        place = self._place(part)
        if any(name.casefold() == Kind.JOB for name in event.details.categories):
            if event.recurring or not is_first:
                raise BadValue("a job cannot recur; make it several jobs, or a blocker")
            cells = self._period(part) | _job(event.details, self._geo(part))
            yield entry(Kind.JOB, place, event.uid, cells, users=(self._user,), shared=True)
            return
        series = event.series
        if self._takes_time(event.details, part):
            recurring = event.recurring
            cells = _span(series.start, series.end, series.tzid) | _texts(event.details)
            cells |= _recurrence(series) if recurring else {"rrule": "", "rdate": "", "exdate": ""}
            yield entry(Kind.BLOCKER, place, event.uid, cells, users=(self._user,), shared=True)
        for key, changed in sorted(series.overrides.items()):
            details = event.overrides.get(key, event.details)
            if self._takes_time(details, part):
                cells = _span(changed.start, changed.end, series.tzid) | _texts(details)
                uid = f"{event.uid}#{_basic(key)}"
                yield entry(Kind.BLOCKER, place, uid, cells, users=(self._user,), shared=True)

    def _takes_time(self, details: Details, part: Component) -> bool:
        """Whether the event is to block. If it does not block, this is noted, unless it is cancelled."""
        if details.busy:
            return True
        if details.status != "CANCELLED":
            said = "X-MICROSOFT-CDO-BUSYSTATUS:FREE" if details.shown_free else "TRANSP:TRANSPARENT"
            said = "declined" if details.declined else said
            self._notes.append(self._sentence(part, f"It takes no time ({said}) and was left out."))
        return False

    def _period(self, part: Component) -> dict[str, str]:
        """The cells of a job's period, with the zone of its start."""
        reader = Reader(zones=self._zones, notes=[], floating=self._zones.floating)
        found = period(properties_of(part, []), reader)
        if not found.start.timed:
            return _span(found.start.local, found.end.local, found.start.tzid)
        end = from_epoch(epoch(found.end), "UTC")
        zone = "" if found.start.floats and found.start.tzid == self._zones.default else found.start.tzid
        return {
            "starts_at": _iso(found.start.local, found.start.tzid),
            "ends_at": _iso(end, "UTC"),
            "time_zone": zone,
        }

    def _geo(self, part: Component) -> list[str]:
        lines = (line for line in self._blocks[part.line].lines if line[:4].upper() == "GEO:")
        return next(lines, "GEO:;")[4:].split(";")

    def _tell(self, part: Component, reasons: Iterable[str]) -> None:
        self._problems += [self._sentence(part, f"{reason}.") for reason in reasons]

    def _sentence(self, part: Component, sentence: str) -> str:
        title = strict.title_of(part)[:40] or "without a title"
        return f"{self._place(part)} ({title}): {sentence}"

    def _place(self, part: Component) -> str:
        return f"line {part.line}, event {self._numbers[part.line]}"


def _job(details: Details, where: list[str]) -> dict[str, str]:
    latitude, longitude = [*where, "", ""][:2]
    return {
        "job_type": details.summary,
        "status": _STATUS.get(details.status, "confirmed"),
        "address": details.location,
        "latitude": latitude.strip(),
        "longitude": longitude.strip(),
        "notes": details.description,
    }


def _texts(details: Details) -> dict[str, str]:
    return {"title": details.summary[:255] or "Blocked", "notes": details.description}


def _span(start: date, end: date, tzid: str) -> dict[str, str]:
    """The cells of a period on the wall clock of `tzid`."""
    if not isinstance(start, datetime):
        return {"start_date": start.isoformat(), "end_date": end.isoformat()}
    return {
        "starts_at": _iso(start, tzid),
        "ends_at": _iso(max(start, end), tzid),
        "time_zone": tzid,
    }


def _recurrence(series: Series) -> dict[str, str]:
    changed: Mapping[date, Override] = series.overrides
    gone = {*series.exdates, *(key for key in changed if key not in series.rdates)}
    return {
        "rrule": "" if series.rule is None else series.rule.text(),
        "rdate": ",".join(_basic(it) for it in series.rdates if it not in changed),
        "exdate": ",".join(_basic(it) for it in sorted(gone)),
    }


def _iso(moment: date, tzid: str) -> str:
    return f"{moment.isoformat()}{'Z' if tzid == 'UTC' else ''}"


def _basic(moment: date) -> str:
    return f"{moment:%Y%m%dT%H%M%S}" if isinstance(moment, datetime) else f"{moment:%Y%m%d}"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
