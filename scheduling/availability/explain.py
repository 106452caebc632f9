# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a moment is busy, free or unknown: everything that touches it, what it does, and the rule that decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from scheduling import kinds
from scheduling.availability import hours
from scheduling.availability.answer import Availability
from scheduling.availability.people import Source
from scheduling.availability.spans import Span
from scheduling.calendars import events
from scheduling.calendars.calendars import CalendarState
from scheduling.calendars.events import Event
from scheduling.calendars.free_busy import OUTSIDE_HOURS, UNKNOWN
from scheduling.kinds import EXTERNAL
from scheduling.models import ExternalEvent
from scheduling.sentences import counted
from scheduling.subscriptions import unread

Effect = Literal["blocks", "unavailable", "tentative", "outside-hours", "unknown", "free"]
_EFFECTS: dict[str, Effect] = {
    "BUSY-UNAVAILABLE": "unavailable",
    "BUSY": "blocks",
    "BUSY-TENTATIVE": "tentative",
    OUTSIDE_HOURS: "outside-hours",
    UNKNOWN: "unknown",
    "": "free",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One thing that touches the moment. `rule` is a stable name for machines, `detail` a sentence. `event` is what
    calendars show, None where no event is the reason; its moments are then those of `starts_at` and `ends_at`.
    """

    effect: Effect
    rule: str
    detail: str
    calendar: str | None = None
    event: Event | None = None
    starts_at: int | None = None
    ends_at: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What the moment is, the reason that decided, if any, and all of them, the strongest first."""

    effect: Effect
    reasons: tuple[Reason, ...]

    @property
    def rule(self) -> str:
        """The rule that decided."""
        return self.reasons[0].rule if self.reasons else "nothing-there"


def explain(
    connection: Connection, answer: Availability, calendars: list[CalendarState], at: int
) -> Explanation:
    """Explain the second `at` of a person's availability; `calendars` are the person's, caught up."""
    shown = {(it.calendar, it.source_id): it for it in events.during(connection, calendars, at, at + 1)}
    policies = _policies(connection, shown.values())
    reasons = [_of_event(it, answer.spans, at, policies) for it in shown.values()]
    reasons += [
        _not_shown(it)
        for it in answer.spans
        if not it.is_buffer and it.starts_at <= at < it.ends_at and (it.slug, it.source_id) not in shown
    ]
    reasons += [_of_buffer(it) for it in answer.spans if it.is_buffer and it.starts_at <= at < it.ends_at]
    if _off_work(answer, at):
        reasons.append(
            Reason(effect="outside-hours", rule="working-hours", detail="It is outside the working hours.")
        )
    for source in answer.person.sources:
        reasons += _of_source(source, answer, at)
    order = list(_EFFECTS.values())
    reasons.sort(key=lambda it: (order.index(it.effect), it.calendar or ""))
    return Explanation(effect=reasons[0].effect if reasons else "free", reasons=tuple(reasons))


def _policies(connection: Connection, shown: Iterable[Event]) -> Mapping[int, str]:
    """The policies that made imported events block, by the events' ids."""
    imported = {it.source_id: it for it in shown if it.source == EXTERNAL.event}
    if not imported:
        return {}
    found = {}
    as_read = select(ExternalEvent.id, ExternalEvent.status, ExternalEvent.transparency)
    for row in connection.execute(as_read.where(ExternalEvent.id.in_(imported))):
        event = imported[row.id]
        if row.transparency != event.transparency:
            found[row.id] = "policy-busy"
        elif row.status != event.status:
            found[row.id] = "policy-tentative"
    return found


def _of_event(event: Event, spans: tuple[Span, ...], at: int, policies: Mapping[int, str]) -> Reason:
    busy = [
        it.busy
        for it in spans
        if it.slug == event.calendar
        and it.source_id == event.source_id
        and not it.is_buffer
        and it.starts_at <= at < it.ends_at
    ]
    order = list(_EFFECTS)
    strongest = min(busy, key=order.index) if busy else ""
    rule, detail = _rule(event, strongest, policies)
    return Reason(
        effect=_EFFECTS[strongest],
        rule=rule,
        detail=detail,
        calendar=event.calendar,
        event=event,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
    )


def _rule(event: Event, busy: str, policies: Mapping[int, str]) -> tuple[str, str]:
    reason = kinds.of_event(event.source).reason
    if reason is None:
        return _rule_of_import(event, busy, policies.get(event.source_id))
    return reason(event.status, busy)


def _rule_of_import(event: Event, busy: str, policy: str | None) -> tuple[str, str]:
    if busy != event.busy:
        return "changed-instance", f"This instance was changed apart from its series. It is {busy or 'FREE'}."
    if policy is not None:
        whose = "all of its" if policy == "policy-busy" else "its tentative"
        return policy, f"The policy of the subscription says that {whose} events block."
    if event.status == "CANCELLED":
        return "status-cancelled", "Its STATUS is CANCELLED."
    if not busy and event.declined:
        return "attendee-declined", "The user has declined it."
    if not busy and event.busy_status == "FREE":
        return "busystatus-free", "Its X-MICROSOFT-CDO-BUSYSTATUS is FREE."
    if not busy:
        return "transp-transparent", "Its TRANSP is TRANSPARENT."
    if event.status == "TENTATIVE" and busy == "BUSY-TENTATIVE":
        return "status-tentative", "Its STATUS is TENTATIVE."
    if busy != "BUSY":
        return "busystatus", f"Its X-MICROSOFT-CDO-BUSYSTATUS makes it {busy}."
    if event.all_day:
        return "all-day", "It covers the whole day in the user's time zone."
    return "opaque", "It blocks, because nothing in it says otherwise."


def _not_shown(span: Span) -> Reason:
    return Reason(
        effect=_EFFECTS[span.busy],
        rule="not-shown",
        detail="It takes this time, although no calendar shows it (any more).",
        calendar=span.slug,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
    )


def _of_buffer(span: Span) -> Reason:
    return Reason(
        effect=_EFFECTS[span.busy],
        rule="buffer",
        detail=f"It is in the buffer around job {span.source_id}.",
        calendar=span.slug,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
    )


def _off_work(answer: Availability, at: int) -> bool:
    if answer.hours is None:
        return False
    working = hours.periods(answer.hours, answer.person.time_zone, at, at + 1)
    return not working


def _of_source(source: Source, answer: Availability, at: int) -> Iterator[Reason]:
    if source.is_stale(answer.now, answer.question.max_staleness):
        read, status = source.read_at, source.status
        rule = (
            "source-never-read" if read is None else "source-paused" if status == "paused" else "source-stale"
        )
        detail = "This calendar was never read." if read is None else "This calendar was not read lately."
        yield Reason(effect="unknown", rule=rule, detail=detail, calendar=source.slug)
    more = source.unreadable - len(source.left_out)
    rest = (
        (f"{counted(more, 'more entry', 'more entries')} of this calendar cannot be read.",) if more else ()
    )
    for detail in (*source.left_out, *rest):
        yield Reason(effect="unknown", rule="entry-unreadable", detail=detail, calendar=source.slug)
    if any(gap.within(at, at + 1) for gap in source.gaps):
        yield Reason(effect="unknown", rule=unread.RULE, detail=unread.SENTENCE, calendar=source.slug)
