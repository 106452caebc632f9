# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import would make of each event of a calendar now, and which rules decide. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from importer.config import ImporterConfig
from importer.errors import ImporterError, NotACalendar, Unusable
from importer.sources.registry import source_of
from importer.sources.source import Content, Wanted
from importer.understand import group, render
from importer.understand.body import Stream
from importer.understand.event import ImportedEvent
from importer.understand.group import Group
from importer.understand.meaning import imported, skipped_gap
from importer.understand.notes import Note
from importer.understand.recurring.repetition import Budget
from importer.understand.split import Feed
from importer.understand.zones import Zones
from scheduling.ical.recurrence import BadRule, Steps
from scheduling.ical.series import expand, extent
from scheduling.sentences import counted
from scheduling.subscriptions.unread import RULE, SENTENCE

__all__ = [
    "Content",
    "ImporterError",
    "Judged",
    "Note",
    "Preview",
    "Span",
    "Stream",
    "fetched",
    "preview",
]

MOST_OCTETS = 5_000_000
MOST_EVENTS = 2_000
_DEADLINE = 20.0
_OCCURRENCES = 5
_AHEAD = timedelta(days=731)
_OWN = Note("own-event", "It is an event of this user that came back; it blocks already.", guess=False)
_UNCHANGED = Note("unchanged", "It is imported already and has not changed.", guess=False)
_NOT_CLOSED = "not-closed"
_UNKNOWN = Note(RULE, SENTENCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A period in epoch seconds with an exclusive end (None without an end). `busy` is an FBTYPE or ''."""

    starts_at: int
    ends_at: int | None
    busy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One event: its first line, its outcome, and the rules that decided, each with its sentence.

    For a skipped event, the fields after `rules` are None or empty. `extent` bounds all its occurrences; `occurrences`
    are the first that end after now.
    """

    line: int
    uid: str | None
    outcome: Literal["imported", "unchanged", "own", "skipped"]
    rules: tuple[Note, ...]
    summary: str | None = None
    busy: str | None = None
    all_day: bool | None = None
    recurring: bool | None = None
    time_zone: str | None = None
    extent: Span | None = None
    occurrences: tuple[Span, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """All events of a calendar in their order, and what the calendar says about itself. `others` counts components that
    are never imported.
    """

    name: str | None
    time_zone: str | None
    events: tuple[Judged, ...]
    others: Mapping[str, int]


def fetched(url: str, config: ImporterConfig, credentials: tuple[str, str] | None = None) -> Content:
    """The calendar at a URL, fetched like an import but with a shorter deadline. `credentials` are a header's name and
    value.

    Raises FetchFailed, whose message names the host at most.
    """
    policy = config.policy()
    policy = replace(
        policy, deadline=min(policy.deadline, _DEADLINE), max_bytes=min(policy.max_bytes, MOST_OCTETS)
    )
    content = source_of(url, policy).list(Wanted(url=url, credentials=credentials)).content
    assert content is not None, "without validators nothing can be unchanged"
    return content


def preview(
    content: Content,
    *,
    default_zone: str,
    zone_is_given: bool = False,
    addresses: Set[str] = frozenset(),
    now: datetime,
    stored: Mapping[str, str] | None = None,
    own: Callable[[Collection[str]], Collection[str]] = lambda _uids: (),
) -> Preview:
    """Judge every event. `zone_is_given` says that the zone was given for this calendar, `addresses` are the user's own
    e-mail addresses in lower case, `stored` maps UIDs to content hashes, `own` picks the UIDs of the user's own events.

    Raises NotACalendar.
    """
    if content.octets > MOST_OCTETS:
        raise NotACalendar(
            "too-large", f"The calendar is larger than {MOST_OCTETS} bytes, the limit of a preview."
        )
    feed = content.opened()
    if len(feed.events) > MOST_EVENTS:
        message = (
            f"The calendar has {counted(len(feed.events), 'event')}; the limit of a preview is {MOST_EVENTS}."
        )
        raise NotACalendar("too-many-events", message)
    judge = _Judge(feed, default_zone, stored or {}, now, zone_is_given=zone_is_given, addresses=addresses)
    bundles = group.bundles(feed.events)
    mine = own(bundles.keys())
    found = [
        Judged(line=it.line, uid=it.uid, outcome="skipped", rules=(Note(_NOT_CLOSED, it.reason), _UNKNOWN))
        for it in feed.skipped
    ]
    for uid, blocks in bundles.items():
        for item in group.groups(uid, blocks, addresses):
            found += judge.of(item, is_own=uid in mine)
    return Preview(
        name=feed.name,
        time_zone=feed.calendar_zone,
        events=tuple(sorted(found, key=lambda it: it.line)),
        others=feed.others,
    )


class _Judge:
    def __init__(
        self,
        feed: Feed,
        default_zone: str,
        stored: Mapping[str, str],
        now: datetime,
        *,
        zone_is_given: bool,
        addresses: Set[str],
    ) -> None:
        self._zones = Zones(feed.zones, feed.calendar_zone, default_zone, now, is_given=zone_is_given)
        self._hasher = group.Hasher(self._zones.context, feed.zones, addresses)
        self._stored = stored
        self._now = now
        self._budget = Budget(steps=Steps(2_000_000), occurrences=100_000)

    def of(self, item: Group, *, is_own: bool) -> list[Judged]:
        digest = self._hasher.of(item)
        try:
            pieces = imported(item, digest, self._zones, self._now, self._budget)
            for event in pieces:
                render.verify(render.render(event)[0])
        except Unusable as error:
            unknown = () if skipped_gap(item, error) is None else (_UNKNOWN,)
            skipped = Judged(
                line=item.line,
                uid=item.uid,
                outcome="skipped",
                rules=(Note(error.rule, error.reason), *unknown),
            )
            return [skipped]
        if is_own:
            return [self._described(item, event, "own", _OWN) for event in pieces]
        if self._stored.get(item.uid) == pieces[0].content_hash:
            return [self._described(item, event, "unchanged", _UNCHANGED) for event in pieces]
        return [self._described(item, event, "imported") for event in pieces]

    def _described(
        self,
        item: Group,
        event: ImportedEvent,
        outcome: Literal["imported", "unchanged", "own"],
        *first: Note,
    ) -> Judged:
        start = int(self._now.timestamp())
        try:
            begins, ends = extent(event.series)
            coming = expand(event.series, start, int((self._now + _AHEAD).timestamp()))
        except (BadRule, OverflowError):
            begins, ends, coming = start, None, []
        return Judged(
            line=item.line,
            uid=event.uid,
            outcome=outcome,
            rules=(*first, *event.notes, *((_UNKNOWN,) if event.gaps else ())),
            summary=event.details.summary,
            busy=event.details.busy,
            all_day=event.all_day,
            recurring=event.recurring,
            time_zone=event.series.tzid,
            extent=Span(starts_at=begins, ends_at=ends, busy=event.details.busy),
            occurrences=tuple(
                Span(starts_at=it.starts_at, ends_at=it.ends_at, busy=it.busy) for it in coming[:_OCCURRENCES]
            ),
        )
