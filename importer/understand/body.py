# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the content of a calendar and tells what to store, for every subscription to it.

Pure: no network and no database. It can therefore run in a separate process (`importer.confined.pool`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from importer.errors import NotACalendar
from importer.schedule import refresh_seconds
from importer.store import Gap, Skipped, StoredEvent
from importer.understand.event import ImportedEvent
from importer.understand.meaning import understand
from importer.understand.render import render
from importer.understand.split import Feed, opened
from scheduling.sentences import counted

# Whole lines that change with every fetch in many feeds and decide nothing. A folded line is kept.
_NOISE = re.compile(rb"(?i)\n(?:DTSTAMP|CREATED|LAST-MODIFIED)[:;][^\r\n]*\r?(?=\n(?![ \t]))")


class Content(Protocol):
    """The content that a source returned, not read yet. Picklable."""

    @property
    def octets(self) -> int:
        """The size in octets."""

    def digest(self, context: str) -> str:
        """A hash of everything that decides how the content is read. Content with an equal digest need not be read
        again. `context` is that of `Due`.
        """

    def opened(self) -> Feed:
        """The content taken apart into components. Raises NotACalendar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """The octets of an iCalendar stream and their declared charset."""

    body: bytes = field(repr=False)
    charset: str | None = None

    @property
    def octets(self) -> int:
        """The length of the body."""
        return len(self.body)

    def digest(self, context: str) -> str:
        """As `Content.digest`, without the lines that change with every fetch in many feeds."""
        found = hashlib.sha256(f"{self.charset}\n{context}\n".encode())
        found.update(_NOISE.sub(b"", self.body))
        return found.hexdigest()

    def opened(self) -> Feed:
        """As `Content.opened`."""
        return opened(self.body, self.charset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """A reader: the IANA zone of floating times, whether that zone was given for this calendar, the reader's own e-mail
    addresses in lower case, and the content hashes by UID of the stored events.
    """

    time_zone: str
    zone_is_given: bool = False
    addresses: frozenset[str] = frozenset()
    stored: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The content, the most events it may hold, its readers, and the present moment."""

    content: Content = field(repr=False)
    max_events: int
    readers: tuple[Reader, ...]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one reader found. `seen` maps all UIDs to content hashes. `events` are the new and changed events. `fetched`
    counts the events in the feed. `refresh` is the number of seconds the feed asks to wait. `gaps` is time that may be
    taken but could not be read.
    """

    seen: Mapping[str, str] = field(repr=False)
    events: tuple[StoredEvent, ...] = field(repr=False)
    fetched: int
    refresh: int
    name: str | None
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()


def read(job: Job) -> tuple[Reading, ...]:
    """Read the content for each of the readers, in their order. Raises NotACalendar."""
    feed = job.content.opened()
    if len(feed.events) > job.max_events:
        raise NotACalendar(
            "too-many-events",
            f"The calendar has {counted(len(feed.events), 'event')}; at most {job.max_events} can be imported.",
        )
    found = []
    for reader in job.readers:
        result = understand(
            feed,
            default_zone=reader.time_zone,
            zone_is_given=reader.zone_is_given,
            addresses=reader.addresses,
            stored=reader.stored,
            now=job.now,
        )
        found.append(
            Reading(
                seen=dict(result.seen),
                events=tuple(_stored(event) for event in result.events),
                fetched=len(feed.events),
                refresh=max(refresh_seconds(feed.refresh), refresh_seconds(feed.published_ttl)),
                name=feed.name,
                skipped=result.skipped,
                warnings=result.warnings,
                gaps=result.gaps,
            )
        )
    return tuple(found)


def _stored(event: ImportedEvent) -> StoredEvent:
    template, zones = render(event)
    return StoredEvent(
        uid=event.uid,
        content_hash=event.content_hash,
        template=template,
        timezones=zones,
        series=event.series,
        status=event.details.status,
        transparency=event.details.transparency,
    )
