# SPDX-License-Identifier: GPL-3.0-or-later
"""One synchronisation of one source for all subscriptions to it: fetched once, read once for all who read it alike, and
applied for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from importer.errors import FetchFailed, ImporterError
from importer.fetch.exchange import FetchRequest, FetchResult, fetch
from importer.fetch.hosts import Visit
from importer.fetch.policy import FetchPolicy
from importer.schedule import Schedule
from importer.store import Applied, Due, Facts, Failure, HttpFacts, Store
from importer.understand.body import Job, Reader, Reading, digest

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What a synchronisation works with. `read` is `importer.understand.body.read` or the same in another
    process, `done` is told of each subscription as soon as its result is recorded, `stopped` says
    that the others shall be left alone.
    """

    store: Store
    policy: FetchPolicy
    schedule: Schedule
    read: Callable[[Job], tuple[Reading, ...]]
    max_events: int = MAX_EVENTS
    done: Callable[[Due, Outcome], None] = lambda _due, _outcome: None
    stopped: Callable[[], bool] = lambda: False


def synchronise(sharing: Sequence[Due], means: Means, visit: Visit | None = None) -> None:
    """Bring claimed subscriptions to one source up to date and record the result for each.

    What is wrong with the source becomes a recorded failure and leaves what was imported; other exceptions
    pass.
    """
    try:
        answer = _fetched(sharing, means, visit)
    except ImporterError as error:
        _fail(sharing, error, means)
        return
    finally:
        if visit is not None:
            visit.leave()
    if answer.status == "unchanged":
        for due in sharing:
            _unchanged(due, answer, due.body_digest, means)
    else:
        _take_over(sharing, answer, means)


def _fetched(sharing: Sequence[Due], means: Means, visit: Visit | None) -> FetchResult:
    """The answer for all: conditional only where all have the same, so that it serves each of them."""
    first = sharing[0]
    same = all((due.etag, due.last_modified) == (first.etag, first.last_modified) for due in sharing)
    request = FetchRequest(
        url=first.url,
        etag=first.etag if same else None,
        last_modified=first.last_modified if same else None,
        credentials=first.credentials.header() if first.credentials else None,
        visit=visit,
    )
    return fetch(request, means.policy)


def _take_over(sharing: Sequence[Due], answer: FetchResult, means: Means) -> None:
    contexts = {due.context for due in sharing}
    digests = {context: digest(answer.body, answer.charset, context) for context in contexts}
    changed = []
    for due in sharing:
        if due.body_digest == digests[due.context]:
            _unchanged(due, answer, due.body_digest, means)
        else:
            changed.append(due)
    if not changed:
        return
    readers: dict[tuple[str, bool, frozenset[tuple[str, str]]], int] = {}
    reading_of = [
        readers.setdefault(
            (due.time_zone, due.zone_is_given, frozenset(means.store.hashes(due).items())), len(readers)
        )
        for due in changed
    ]
    job = Job(
        body=answer.body,
        charset=answer.charset,
        max_events=means.max_events,
        readers=tuple(
            Reader(time_zone=zone, zone_is_given=is_given, stored=dict(hashes))
            for zone, is_given, hashes in readers
        ),
        now=datetime.now(UTC),
    )
    try:
        readings = means.read(job)
    except ImporterError as error:
        _fail(changed, error, means, _http(answer))
        return
    for number, (due, index) in enumerate(zip(changed, reading_of, strict=True)):
        if number and means.stopped():
            return
        _apply(due, answer, readings[index], digests[due.context], means)


def _apply(due: Due, answer: FetchResult, reading: Reading, body_digest: str, means: Means) -> None:
    schedule = means.schedule.at_least(due.minimum_interval)
    facts = Facts(
        etag=answer.etag,
        last_modified=answer.last_modified,
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
        http=_http(answer),
    )
    taken = means.store.apply(due, Applied(seen=reading.seen, upserts=reading.events, facts=facts))
    outcome = Outcome(
        status="applied" if taken.status == "applied" else "failed",
        inserted=taken.inserted,
        updated=taken.updated,
        deleted=taken.deleted,
        skipped=len(reading.skipped),
        reason=taken.reason,
    )
    means.done(due, outcome)


def _unchanged(due: Due, answer: FetchResult, body_digest: str | None, means: Means) -> None:
    schedule = means.schedule.at_least(due.minimum_interval)
    facts = Facts(
        etag=answer.etag,
        last_modified=answer.last_modified,
        next_at=schedule.after_success(int(time.time()), due.refresh),
        body_digest=body_digest,
        refresh=due.refresh,
        http=_http(answer),
    )
    means.store.unchanged(due, facts)
    means.done(due, Outcome(status="unchanged"))


def _fail(sharing: Sequence[Due], error: ImporterError, means: Means, http: HttpFacts | None = None) -> None:
    now = int(time.time())
    asked = error.retry_after if isinstance(error, FetchFailed) else None
    for due in sharing:
        schedule = means.schedule.at_least(due.minimum_interval)
        failure = Failure(
            reason=error.reason,
            message=error.message,
            next_at=schedule.after_failure(now, due.failures, error),
            rest_until=now + asked if asked else 0,
            pause=schedule.is_given_up(now, due.failing_since, error),
            http=http,
        )
        means.store.failed(due, failure)
        means.done(due, Outcome(status="failed", reason=error.reason))


def _http(answer: FetchResult) -> HttpFacts:
    return HttpFacts(
        status=200 if answer.status == "fetched" else 304,
        etag=answer.etag is not None,
        last_modified=answer.last_modified,
        content_type=answer.content_type,
        octets=len(answer.body),
        milliseconds=answer.milliseconds,
        host=answer.host,
    )
