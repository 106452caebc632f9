# SPDX-License-Identifier: GPL-3.0-or-later
"""One synchronisation of one source for all subscriptions to it. The source is fetched once, read once for all
subscriptions with equal settings, and applied for each subscription.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from importer.errors import FetchFailed, ImporterError
from importer.fetch.hosts import Visit
from importer.schedule import Schedule
from importer.sources.source import Content, Listing, Source, Wanted
from importer.store import Applied, Due, Facts, Failure, HttpFacts, Store
from importer.understand.body import Job, Reader, Reading

MAX_EVENTS = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a synchronisation ended. `reason` is the machine code of a failure. The counts are of stored events."""

    status: Literal["applied", "unchanged", "failed"]
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    skipped: int = 0
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What a synchronisation works with. `source` returns the source for an address. `read` is
    `importer.understand.body.read`, or the same in another process. `done` is called for each subscription as soon as
    its result is recorded. `stopped` tells whether to leave the remaining subscriptions alone.
    """

    store: Store
    source: Callable[[str], Source]
    schedule: Schedule
    read: Callable[[Job], tuple[Reading, ...]]
    max_events: int = MAX_EVENTS
    done: Callable[[Due, Outcome], None] = lambda _due, _outcome: None
    stopped: Callable[[], bool] = lambda: False


def synchronise(sharing: Sequence[Due], tools: Tools, visit: Visit | None = None) -> None:
    """Bring claimed subscriptions to one source up to date and record the result for each.

    A fault of the source is recorded as a failure, and the imported events stay. Other exceptions pass.
    """
    try:
        listing = _listed(sharing, tools, visit)
    except ImporterError as error:
        _fail(sharing, error, tools)
        return
    finally:
        if visit is not None:
            visit.leave()
    if listing.content is None:
        for due in sharing:
            _unchanged(due, listing, due.body_digest, tools)
    else:
        _take_over(sharing, listing, listing.content, tools)


def _listed(sharing: Sequence[Due], tools: Tools, visit: Visit | None) -> Listing:
    """The listing for all subscriptions. The request is conditional only if all have the same validators, so that the
    answer serves each of them.
    """
    first = sharing[0]
    same = all((due.etag, due.last_modified) == (first.etag, first.last_modified) for due in sharing)
    wanted = Wanted(
        url=first.url,
        etag=first.etag if same else None,
        last_modified=first.last_modified if same else None,
        credentials=first.credentials.header() if first.credentials else None,
        visit=visit,
    )
    return tools.source(first.url).list(wanted)


def _take_over(sharing: Sequence[Due], listing: Listing, content: Content, tools: Tools) -> None:
    contexts = {due.context for due in sharing}
    digests = {context: content.digest(context) for context in contexts}
    changed = []
    for due in sharing:
        if due.body_digest == digests[due.context]:
            _unchanged(due, listing, due.body_digest, tools)
        else:
            changed.append(due)
    if not changed:
        return
    readers: dict[tuple[str, bool, frozenset[str], frozenset[tuple[str, str]]], int] = {}
    reading_of = [
        readers.setdefault(
            (due.time_zone, due.zone_is_given, due.addresses, frozenset(tools.store.hashes(due).items())),
            len(readers),
        )
        for due in changed
    ]
    job = Job(
        content=content,
        max_events=tools.max_events,
        readers=tuple(
            Reader(time_zone=zone, zone_is_given=is_given, addresses=addresses, stored=dict(hashes))
            for zone, is_given, addresses, hashes in readers
        ),
        now=datetime.now(UTC),
    )
    try:
        readings = tools.read(job)
    except ImporterError as error:
        _fail(changed, error, tools, listing.http)
        return
    for number, (due, index) in enumerate(zip(changed, reading_of, strict=True)):
        if number and tools.stopped():
            return
        _apply(due, listing, readings[index], digests[due.context], tools)


def _apply(due: Due, listing: Listing, reading: Reading, body_digest: str, tools: Tools) -> None:
    schedule = tools.schedule.at_least(due.minimum_interval)
    facts = Facts(
        etag=listing.etag,
        last_modified=listing.last_modified,
        next_at=schedule.after_success(int(time.time()), reading.refresh),
        fetched=reading.fetched,
        imported=len(reading.events),
        unchanged=len(reading.seen) - len(reading.events),
        skipped=reading.skipped,
        warnings=reading.warnings,
        gaps=reading.gaps,
        calendar_name=reading.name,
        body_digest=body_digest,
        refresh=reading.refresh,
        http=listing.http,
    )
    taken = tools.store.apply(due, Applied(seen=reading.seen, upserts=reading.events, facts=facts))
    outcome = Outcome(
        status="applied" if taken.status == "applied" else "failed",
        inserted=taken.inserted,
        updated=taken.updated,
        deleted=taken.deleted,
        skipped=len(reading.skipped),
        reason=taken.reason,
    )
    tools.done(due, outcome)


def _unchanged(due: Due, listing: Listing, body_digest: str | None, tools: Tools) -> None:
    schedule = tools.schedule.at_least(due.minimum_interval)
    facts = Facts(
        etag=listing.etag,
        last_modified=listing.last_modified,
        next_at=schedule.after_success(int(time.time()), due.refresh),
        body_digest=body_digest,
        refresh=due.refresh,
        http=listing.http,
    )
    tools.store.unchanged(due, facts)
    tools.done(due, Outcome(status="unchanged"))


def _fail(sharing: Sequence[Due], error: ImporterError, tools: Tools, http: HttpFacts | None = None) -> None:
    now = int(time.time())
    asked = error.retry_after if isinstance(error, FetchFailed) else None
    for due in sharing:
        schedule = tools.schedule.at_least(due.minimum_interval)
        failure = Failure(
            reason=error.reason,
            message=error.message,
            next_at=schedule.after_failure(now, due.failures, error),
            rest_until=now + asked if asked else 0,
            pause=schedule.is_given_up(now, due.failing_since, error),
            http=http,
        )
        tools.store.failed(due, failure)
        tools.done(due, Outcome(status="failed", reason=error.reason))
