# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription says of a synchronisation that has ended. Each of these gives the claim back."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, func, select, update

from scheduling.access import audit
from scheduling.access.permissions import SYSTEM
from scheduling.models import Generation, Subscription
from scheduling.subscriptions import unread
from scheduling.subscriptions.facts import Due, Facts, Failure, HttpFacts
from scheduling.subscriptions.generations import CURRENT
from scheduling.webhooks.subscriptions import emit_outcome, emit_paused

_S = Subscription
_ROWS = cast(Table, Subscription.__table__)
PROMPT_MILLISECONDS = 5000
"""In which a source has to answer to be a prompt one."""
_HTTP = tuple(field.name for field in dataclasses.fields(HttpFacts))
_CHANGED = update(_ROWS).where(_ROWS.c.id == bindparam("subscription"))
"""One statement for whatever columns are given: making one for each feed costs more than running it."""
_STATE = select(Generation.state).where(Generation.id == _ROWS.c.seen_generation).scalar_subquery()
_STILL_GOOD = _CHANGED.where(
    _ROWS.c.lease == bindparam("claim"),
    _ROWS.c.status == "active",
    func.coalesce(_STATE, CURRENT) == CURRENT,
)


def succeeded(connection: Connection, due: Due, status: str, values: Mapping[str, Any], result: str) -> None:
    """A state is what the calendar shows; `status` is the present one, `values` are those of `answered` and more."""
    if status == "error":
        emit_outcome(connection, due.id)
    _change(connection, due, {**values, **_good(result)})


def still_good(connection: Connection, due: Due, facts: Facts) -> bool:
    """Note with one statement that the source has what is shown, as most do most of the time. Notes nothing and answers
    False where the claim is gone, the last synchronisation ended otherwise or a state of the source is kept back.
    """
    values = {**answered(due, facts), **_good("unchanged"), "subscription": due.id, "claim": due.lease}
    return connection.execute(_STILL_GOOD, values).rowcount == 1


def kept_back(connection: Connection, due: Due, values: Mapping[str, Any], reason: str, message: str) -> None:
    """A state was read, but something else is shown."""
    emit_outcome(connection, due.id, reason, message)
    bad = {"status": "error", "reason": reason, "message": message, "sync_result": "quarantined"}
    _change(connection, due, {**values, **bad})


def answered(due: Due, facts: Facts) -> dict[str, Any]:
    """What is noted of every answer that could be understood."""
    values: dict[str, Any] = {
        "failures": 0,
        "failing_since": None,
        "etag": facts.etag,
        "last_modified": facts.last_modified,
        "read_in": due.context,
        "next_at": facts.next_at,
        "rest_until": 0,
        "last_attempt_at": datetime.now(UTC),
        "lease": None,
        "lease_until": 0,
        "sync_finished_at": _now_ms(),
        "body_digest": facts.body_digest,
        "refresh": facts.refresh,
    }
    if facts.http is not None:
        values["http"] = _json(facts.http)
        values["prompt"] = facts.http.milliseconds <= PROMPT_MILLISECONDS
    return values


def report(facts: Facts) -> str:
    """What is shown of a state that was read, as JSON."""
    left_out = ("etag", "last_modified", "next_at", "body_digest", "refresh", "http", "gaps")
    shown = {key: it for key, it in dataclasses.asdict(facts).items() if key not in left_out}
    return json.dumps({**shown, "unknown": unread.SENTENCE if facts.gaps else None})


def failed(connection: Connection, subscription_id: int, failure: Failure) -> None:
    """It could not be read."""
    reason, message = failure.reason, failure.message
    emit_outcome(connection, subscription_id, reason, message)
    if failure.pause:
        emit_paused(connection, subscription_id, reason, message)
        audit.record(
            connection, "subscription.pause", f"subscription:{subscription_id}", reason=reason, actor=SYSTEM
        )
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "status": "paused" if failure.pause else "error",
        "reason": reason,
        "message": message,
        "failures": _S.failures + 1,
        "prompt": False,
        "next_at": failure.next_at,
        "rest_until": failure.rest_until,
        "last_attempt_at": now,
        "failing_since": func.coalesce(_S.failing_since, int(now.timestamp())),
        "lease": None,
        "lease_until": 0,
        "sync_finished_at": _now_ms(),
        "sync_result": "failed",
    }
    if failure.http is not None:
        values["http"] = _json(failure.http)
    connection.execute(update(_S).where(_S.id == subscription_id).values(**values))


def _good(result: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "status": "active",
        "reason": None,
        "message": None,
        "last_success_at": now,
        "sync_result": result,
    }


def _change(connection: Connection, due: Due, values: Mapping[str, Any]) -> None:
    connection.execute(_CHANGED, {"subscription": due.id, **values})


def _json(http: HttpFacts) -> str:
    """Without `asdict`, which copies each value; this is written for every fetch."""
    return json.dumps({name: getattr(http, name) for name in _HTTP})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
