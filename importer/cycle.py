# SPDX-License-Identifier: GPL-3.0-or-later
"""One synchronisation of one subscription: fetch, split, understand, plan, apply."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from importer.errors import ImporterError, NotACalendar
from importer.event import ImportedEvent
from importer.fetch import FetchPolicy, FetchRequest, FetchResult, fetch
from importer.render import render
from importer.schedule import Schedule
from importer.split import Feed, decode, split
from importer.store import Applied, Due, Facts, Store, StoredEvent
from importer.understand import understand

MAX_EVENTS = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a synchronisation ended; `reason` is the machine code of a failure, the counts are of stored
    events.
    """

    status: Literal["applied", "unchanged", "failed"]
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    skipped: int = 0
    reason: str | None = None


def synchronise(
    subscription: Due,
    store: Store,
    policy: FetchPolicy,
    default_zone: str,
    *,
    schedule: Schedule,
    max_events: int = MAX_EVENTS,
) -> Outcome:
    """Bring one claimed subscription up to date and record the result in the store.

    What is wrong with the source becomes a recorded failure and leaves what was imported; other exceptions
    pass.
    """
    schedule = schedule.at_least(subscription.minimum_interval)
    try:
        return _synchronise(subscription, store, policy, default_zone, schedule, max_events)
    except ImporterError as error:
        next_at = schedule.after_failure(int(time.time()), subscription.failures, error)
        store.failed(subscription, error.reason, error.message, next_at)
        return Outcome(status="failed", reason=error.reason)


def _synchronise(
    due: Due, store: Store, policy: FetchPolicy, default_zone: str, schedule: Schedule, max_events: int
) -> Outcome:
    request = FetchRequest(url=due.url, etag=due.etag, last_modified=due.last_modified)
    answer = fetch(request, policy)
    now = int(time.time())
    if answer.status == "unchanged":
        facts = Facts(etag=due.etag, last_modified=due.last_modified, next_at=schedule.after_success(now))
        store.unchanged(due, facts)
        return Outcome(status="unchanged")
    feed = split(decode(answer.body, answer.charset))
    if len(feed.events) > max_events:
        raise NotACalendar(
            "too-many-events",
            f"The calendar has {len(feed.events)} events; at most {max_events} are imported.",
        )
    return _take_over(due, store, answer, feed, default_zone, schedule)


def _take_over(
    due: Due, store: Store, answer: FetchResult, feed: Feed, default_zone: str, schedule: Schedule
) -> Outcome:
    found = understand(feed, default_zone=default_zone, stored=store.hashes(due), now=datetime.now(UTC))
    facts = Facts(
        etag=answer.etag,
        last_modified=answer.last_modified,
        next_at=schedule.after_success(int(time.time()), feed.refresh),
        fetched=len(feed.events),
        imported=len(found.events),
        unchanged=len(found.seen) - len(found.events),
        skipped=found.skipped,
        warnings=found.warnings,
        calendar_name=feed.name,
    )
    upserts = tuple(_stored(event) for event in found.events)
    taken = store.apply(due, Applied(seen=found.seen, upserts=upserts, facts=facts))
    return Outcome(
        status="applied" if taken.status == "applied" else "failed",
        inserted=taken.inserted,
        updated=taken.updated,
        deleted=taken.deleted,
        skipped=len(found.skipped),
        reason=taken.reason,
    )


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
