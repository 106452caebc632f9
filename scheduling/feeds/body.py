# SPDX-License-Identifier: GPL-3.0-or-later
"""What a feed's link answers with: its version, and the whole calendar as text (RFC 5545, RFC 7986).

The version comes from calendar revisions, the window and the feed's options, so no object is read for it. The text is
assembled from stored VEVENTs and is the same, byte for byte, for the same state on every database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from scheduling import kinds
from scheduling.calendars import objects
from scheduling.calendars.calendars import CalendarState, Principal
from scheduling.feeds import text as feed_text
from scheduling.feeds.links import Link
from scheduling.feeds.options import Window
from scheduling.ical import text
from scheduling.models import CalendarObject
from scheduling.sentences import counted
from scheduling.settings.view import View

REFRESH_SECONDS = 1800
_FORMAT = 5
"""Raised whenever the code writes the same state differently, so that clients fetch anew."""
_O = CalendarObject


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """One feed at one moment: its link, whose it is, the calendars it shows, and the part of them it shows. With
    `private`, the schedule's own events keep the CLASS that they have in calendars.
    """

    link: Link
    owner: Principal
    color: str
    calendars: tuple[CalendarState, ...]
    window: Window
    moves: bool
    private: bool

    @property
    def version(self) -> str:
        """What the text depends on, hashed: 32 hexadecimal digits."""
        parts: list[object] = [_FORMAT, self.link.feed_id, self.link.changed_at, self.owner.name]
        parts += [self.owner.time_zone, self.color, self.window if self.moves else "", self.private]
        parts += [f"{it.id}/{it.revision}" for it in self.calendars]
        return blake2b("\x00".join(map(str, parts)).encode(), digest_size=16).hexdigest()

    @property
    def last_modified(self) -> int:
        """Epoch seconds; only rises: the last change of the feed or a calendar, or the midnight at which the window
        last moved.
        """
        midnight = int(datetime.combine(self.window.today, datetime.min.time(), UTC).timestamp())
        changes = [it.changed_at for it in self.calendars]
        return max(self.link.changed_at, midnight if self.moves else 0, *changes)


def scope(
    link: Link, calendars: Sequence[CalendarState], view: View, window: Window, *, private: bool
) -> Scope:
    """The scope of a current link over all of its user's `calendars`, of which there is at least one."""
    options = link.options
    return Scope(
        link=link,
        owner=calendars[0].owner,
        color=calendars[0].color[:7],
        # Some kinds take nobody's time: where only times are shown, they have nothing to show.
        calendars=tuple(
            it
            for it in calendars
            if it.kind in options.kinds
            and not it.hidden
            and (options.detail == "full" or kinds.of(it.kind).blocks)
        ),
        window=window,
        private=private,
        moves=view.calendars.history_months is not None
        or options.history_months is not None
        or options.future_months is not None
        or bool(options.cancelled_days),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    uid: str
    busy: str
    starts_at: int
    ends_at: int
    zones: str
    component: str


def render(connection: Connection, scope: Scope, most_octets: int) -> bytes:
    """The feed in UTF-8. Where it would be longer than `most_octets`, items far from the last change are left out and
    an all-day event says so where they are missing.
    """
    found = (item for calendar in scope.calendars for item in _items(connection, scope, calendar))
    items = _each_once(found)
    options = scope.link.options
    if options.detail == "busy":
        busy = [replace(it, component=feed_text.busy(it.component, scope.link.key)) for it in items]
        # By the new UID: any other order would tell which event of another feed is which.
        items = sorted(busy, key=lambda it: it.component)
    if options.alarm_minutes is not None:
        items = [
            replace(it, component=feed_text.with_alarm(it.component, options.alarm_minutes)) for it in items
        ]
    body = _assembled(scope, items)
    return body if len(body) <= most_octets else _truncated(scope, items, most_octets)


def replaced(link: Link) -> tuple[str, bytes]:
    """The version and text of a link in its overlap: one all-day event that tells what to do, and no data."""
    moment = text.utc(link.replaced_at)
    first = datetime.fromtimestamp(link.replaced_at, UTC).date()
    last = datetime.fromtimestamp(link.ends_at, UTC).date()
    ends = f"{datetime.fromtimestamp(link.ends_at, UTC):%Y-%m-%d %H:%M} UTC"
    event = _notice(
        uid=feed_text.opaque_uid(f"replaced {link.replaced_at}", link.key),
        first=first,
        days=(last - first).days + 1,
        stamp=moment,
        sequence=0,
        summary="This calendar link was replaced",
        description=f"Subscribe to the new link; this one ends on {ends}.",
    )
    refresh = f"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\nLAST-MODIFIED:{moment}\r\n"
    name = "Replaced calendar link"
    head = f"METHOD:PUBLISH\r\nNAME:{name}\r\nX-WR-CALNAME:{name}\r\n{refresh}"
    body = (objects.HEAD + head + event + objects.TAIL).encode()
    return blake2b(link.key + body, digest_size=16).hexdigest(), body


def _items(connection: Connection, scope: Scope, calendar: CalendarState) -> list[_Item]:
    conditions: list[ColumnElement[bool]] = [
        _O.calendar_id == calendar.id,
        _O.leaves_on > scope.window.cutoff.toordinal(),
    ]
    if scope.window.until is not None:
        conditions.append(_O.starts_at < scope.window.until)
    conditions.append(_shown(scope, calendar.kind))
    statement = (
        select(_O.uid, _O.busy, _O.starts_at, _O.ends_at, _O.timezones, _O.component)
        .where(*conditions)
        .order_by(_O.leaves_on, _O.name)
    )
    # Whoever has the link may read it all, and some clients hide what is private from them (Google Calendar).
    open_text = not scope.private and not kinds.of(calendar.kind).imported
    return [
        _Item(
            uid=uid,
            busy=busy,
            starts_at=starts_at,
            ends_at=ends_at,
            zones=zones,
            component=feed_text.without_class(component) if open_text else component,
        )
        for uid, busy, starts_at, ends_at, zones, component in connection.execute(statement)
    ]


def _each_once(items: Iterable[_Item]) -> list[_Item]:
    """The same event of several imported calendars, by its UID, only from the oldest, or from one where it takes time
    (RFC 5545, section 3.8.4.7).
    """
    found: dict[str, _Item] = {}
    for item in items:
        if (known := found.setdefault(item.uid, item)) is not item and item.busy and not known.busy:
            found[item.uid] = item
    return list(found.values())


def _shown(scope: Scope, kind: str) -> ColumnElement[bool]:
    if kinds.of(kind).cancelled is None or scope.link.options.cancelled_days is None:
        return ~_O.deleted
    since = scope.window.cancelled_since
    # A removed job that was cancelled keeps its last text (scheduling/calendars/changeset.py).
    cancelled = (
        false()
        if since is None
        else and_(_O.status == "CANCELLED", _O.component != "", _O.changed_at >= since)
    )
    return or_(and_(~_O.deleted, _O.status != "CANCELLED"), cancelled)


def _assembled(scope: Scope, items: Sequence[_Item], notices: str = "") -> bytes:
    entries = {entry for zones in {it.zones for it in items} for entry in zones.split()}
    parts = [objects.HEAD, _head(scope), objects.zone_texts(entries)]
    return "".join((*parts, *(it.component for it in items), notices, objects.TAIL)).encode()


def _head(scope: Scope) -> str:
    name = text.escape(scope.owner.name)
    modified = text.utc(scope.last_modified)
    if scope.link.options.detail == "busy":
        about = text.escape(f"When {scope.owner.name} is busy. Read-only.")
    else:
        shown = ", ".join(kinds.of(it).in_feed or it for it in scope.link.options.kinds)
        about = text.escape(f"The schedule of {scope.owner.name}: {shown}. Read-only.")
    # No UID (RFC 7986, section 5.3): vdirsyncer takes it for that of every event, and keeps one of them all.
    lines = (
        text.line("METHOD", "PUBLISH"),
        text.line("NAME", name),
        text.line("X-WR-CALNAME", name),
        text.line("DESCRIPTION", about),
        text.line("X-WR-CALDESC", about),
        text.line("X-WR-TIMEZONE", text.escape(scope.owner.time_zone)),
        text.line("COLOR", "steelblue"),
        text.line("X-APPLE-CALENDAR-COLOR", scope.color),
        text.line("REFRESH-INTERVAL", f"PT{REFRESH_SECONDS // 60}M", params=";VALUE=DURATION"),
        text.line("X-PUBLISHED-TTL", f"PT{REFRESH_SECONDS // 60}M"),
        text.line("LAST-MODIFIED", modified),
    )
    return "".join(lines)


def _truncated(scope: Scope, items: Sequence[_Item], most_octets: int) -> bytes:
    """What is not over at the last change comes first, the soonest foremost; then what is, the latest foremost."""
    now = scope.last_modified
    ordered = sorted(items, key=lambda it: _urgency(it, now))
    room = (
        most_octets - len(_assembled(scope, items[:0])) - len(_zones(items)) - 2 * len(_missing(scope, items))
    )
    kept: set[int] = set()
    for it in ordered:
        room -= len(it.component.encode())
        if room < 0:
            break
        kept.add(id(it))
    dropped = [it for it in ordered if id(it) not in kept]
    ahead = [it for it in dropped if it.ends_at > now]
    past = [it for it in dropped if it.ends_at <= now]
    notices = "".join(_missing(scope, some) for some in (past, ahead) if some)
    return _assembled(scope, [it for it in items if id(it) in kept], notices)


def _urgency(item: _Item, now: int) -> tuple[Any, ...]:
    over = item.ends_at <= now
    return over, -item.ends_at if over else item.starts_at, item.component


def _zones(items: Sequence[_Item]) -> str:
    return objects.zone_texts({entry for it in items for entry in it.zones.split()})


def _missing(scope: Scope, dropped: Sequence[_Item]) -> str:
    """The notice on the first day from which items ahead are missing, or the last of those before."""
    now = scope.last_modified
    ahead = dropped[0].ends_at > now
    day = max(min(it.starts_at for it in dropped), now) if ahead else max(it.ends_at for it in dropped) - 1
    which = "later" if ahead else "earlier"
    return _notice(
        uid=feed_text.opaque_uid(f"{which} items left out", scope.link.key),
        first=datetime.fromtimestamp(min(max(day, 0), 250_000_000_000), UTC).date(),
        days=1,
        stamp=text.utc(now),
        sequence=now // 60,
        summary=f"Calendar incomplete: {counted(len(dropped), f'{which} item')} left out",
        description="This calendar is too large to be sent whole. Choose a shorter window or fewer kinds.",
    )


def _notice(
    *, uid: str, first: Any, days: int, stamp: str, sequence: int, summary: str, description: str
) -> str:
    lines = (
        "BEGIN:VEVENT\r\n",
        text.line("UID", uid),
        f"DTSTAMP:{stamp}\r\nLAST-MODIFIED:{stamp}\r\nSEQUENCE:{sequence}\r\n",
        f"DTSTART;VALUE=DATE:{text.day(first)}\r\n",
        f"DTEND;VALUE=DATE:{text.day(first + timedelta(days=days))}\r\n",
        text.line("SUMMARY", text.escape(summary)),
        text.line("DESCRIPTION", text.escape(description)),
        "STATUS:CONFIRMED\r\nTRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\nEND:VEVENT\r\n",
    )
    return "".join(lines)
