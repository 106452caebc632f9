# SPDX-License-Identifier: GPL-3.0-or-later
"""What requests about availability have in common: the parameters, who may ask about whom, and waiting for sources."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from scheduling.access.permissions import Permission, permits
from scheduling.availability import calendar_users, refresh
from scheduling.availability.answer import Availability, answer
from scheduling.availability.busy_time import default_question
from scheduling.availability.people import Person, caught_up
from scheduling.availability.question import Question
from scheduling.availability.spans import Span
from scheduling.calendars.events import SOURCES
from scheduling.config.sections import AvailabilitySettings
from server.api.protocol.operations import Call
from server.api.protocol.owners import owner
from server.api.protocol.problems import Obstacle
from server.api.protocol.values import DIGITS, Asked, Moment, Username, moment, shown_epoch

Minutes = Annotated[int, Field(ge=0, le=1440), DIGITS]
Seconds = Annotated[int, Field(ge=0, le=31_622_400), DIGITS]
Many = Annotated[list[Username], Field(min_length=1, max_length=200)]
Beside = Literal["tentative", "outside-hours", "unknown"]
TYPES: Mapping[str, str] = {
    "tentative": "BUSY-TENTATIVE",
    "outside-hours": "OUTSIDE-HOURS",
    "unknown": "UNKNOWN",
}
"""The types of period by the names that requests have for them."""
_WAIT = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,6})\"?\s*", re.IGNORECASE)
_LOOK_EVERY = 0.25


class RangeQuery(Asked):
    """A range, and how strictly it is looked at."""

    start: Moment
    end: Moment = Field(
        description="At most 1830 days after start. The days of all users together may be 12,000."
    )
    buffer_before: Minutes | None = Field(
        default=None, description="Minutes before each job that are busy too. Without it, the settings count."
    )
    buffer_after: Minutes | None = Field(
        default=None, description="Minutes after each job that are busy too. Without it, the settings count."
    )
    working_hours: Literal["apply", "ignore"] = Field(
        default="apply",
        description="Whether time outside of a user's working hours is told apart. A user without working hours "
        "works at any time.",
    )
    max_staleness: Seconds | None = Field(
        default=None,
        description="The most seconds since an outside calendar was read. Without it, the settings count.",
    )


def question(query: RangeQuery, configured: AvailabilitySettings, granularity: int = 0) -> Question:
    """What is asked. Raises `Refused`."""
    start, end = moment(query.start, "start"), moment(query.end, "end")
    assert start is not None
    assert end is not None
    found = default_question(configured, int(start.timestamp()), int(end.timestamp()))
    if query.buffer_before is not None:
        found = replace(found, before=query.buffer_before * 60)
    if query.buffer_after is not None:
        found = replace(found, after=query.buffer_after * 60)
    if query.max_staleness is not None:
        found = replace(found, max_staleness=query.max_staleness)
    return replace(found, granularity=granularity, hours=query.working_hours == "apply")


def require(call: Call, usernames: Sequence[str]) -> None:
    """A caller who may read the schedule or calendars of everybody may ask about anybody. Others may ask only about
    themselves, and do not learn which users exist. Raises `Forbidden`.
    """
    if calendar_users.may_ask_about_anybody(call.actor.permissions):
        return
    for username in usernames:
        owner(call, username, Permission.SCHEDULE_READ_ALL, Permission.SCHEDULE_READ_OWN)


def sees_sources(call: Call, person: Person) -> bool:
    """Whether the caller may know which events take a user's time, not only that it is taken."""
    own = Permission.SCHEDULE_READ_OWN
    return permits(Permission.CALENDARS_READ_ALL, own=own, owner_id=person.id, actor=call.actor)


def ask(call: Call, usernames: Sequence[str], asked: Question) -> tuple[list[Availability], dict[str, str]]:
    """The answer and its headers. Waits for stale sources if the request prefers that."""
    snapshot = call.snapshot
    asked.check(len(set(usernames)))
    people = caught_up(snapshot, usernames)
    stale = refresh.stale(people, snapshot.now, asked.max_staleness)
    seconds = min(_preferred(call.prefer), snapshot.view.availability.longest_wait_seconds)
    headers = {}
    if stale and seconds:
        if _waited(call, stale, seconds):
            headers["Preference-Applied"] = f"wait={seconds}"
        people = caught_up(snapshot, usernames)
    return answer(snapshot.connection, people, asked, snapshot.now), headers


def event_ids(spans: Sequence[Span]) -> list[str]:
    """The ids of events, as /users/{user}/events has them."""
    return list(dict.fromkeys(f"{SOURCES[span.kind]}-{span.source_id}" for span in spans))


def obstacles(call: Call, answers: Sequence[Availability], permitted: Sequence[str]) -> list[Obstacle]:
    """What keeps time from being free."""
    found = []
    for it in answers:
        events = {
            (period.start, period.end): event_ids(spans)
            for period, spans in it.causes()
            if sees_sources(call, it.person)
        }
        found += [
            Obstacle(
                user=it.person.username,
                starts_at=shown_epoch(period.start),
                ends_at=shown_epoch(period.end),
                type=period.fbtype,
                events=events.get((period.start, period.end), []),
            )
            for period in it.periods
            if period.fbtype not in permitted
        ]
    return found


def _waited(call: Call, stale: Sequence[int], seconds: int) -> bool:
    """Whether there were subscriptions to wait for, and a free place for waiting. Ends the call's read transaction."""
    with _places.taken(call.snapshot.view.availability.waiting_requests) as taken:
        if not taken:
            return False
        call.snapshot.close()
        began = int(time.time())
        with call.database.write() as connection:
            wanted = refresh.request(connection, stale, began)
        until = time.monotonic() + seconds
        while wanted and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
            with call.database.read() as connection:
                if not refresh.pending(connection, wanted, began):
                    break
    return bool(wanted)


def _preferred(prefer: str | None) -> int:
    """The seconds of `Prefer: wait` (RFC 7240, section 4.3); what is not understood is passed over (section 2)."""
    for preference in (prefer or "").split(","):
        match = _WAIT.fullmatch(preference.partition(";")[0])
        if match:
            return int(match[1])
    return 0


class _Places:
    """How many requests of this process wait. Each holds one of few threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    @contextmanager
    def taken(self, most: int) -> Iterator[bool]:
        """Whether there was a free place. It is held until the block ends."""
        with self._lock:
            got = self._taken < most
            self._taken += got
        try:
            yield got
        finally:
            with self._lock:
                self._taken -= got


_places = _Places()
