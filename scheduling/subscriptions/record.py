# SPDX-License-Identifier: GPL-3.0-or-later
"""A subscription as it is shown: everything but its URL and what its credentials are."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from scheduling.kinds import EXTERNAL
from scheduling.kinds.policy import Policy
from scheduling.models import Subscription as SubscriptionRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Sync:
    """The synchronisation that is asked for, under way, or was the last. `state` is never, queued, running or done;
    `result` is applied, unchanged, quarantined or failed. `requested_at` is None for one that nobody asked for.
    """

    state: str
    requested_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    result: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """One subscription without its URL. `calendar_id` is the slug of the calendar that it fills; `next_at` and
    `rest_until`, before which its server asked not to be asked again (0: it did not), are in epoch seconds. `report` is
    what the last import found, `http` what the last exchange was like. `time_zone` is None for the user's.
    """

    id: int
    user_id: int
    calendar_id: str
    label: str
    host: str
    has_credentials: bool
    policy: Policy
    time_zone: str | None
    status: str
    reason: str | None
    message: str | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    next_at: int
    rest_until: int
    detached_at: datetime | None
    sync: Sync
    http: dict[str, Any] | None
    report: dict[str, Any] | None


_R = SubscriptionRow
COLUMNS = (
    *(_R.id, _R.user_id, _R.label, _R.host, _R.encrypted_credentials, _R.busy, _R.tentative, _R.visibility),
    *(
        _R.time_zone,
        _R.status,
        _R.reason,
        _R.message,
        _R.last_attempt_at,
        _R.last_success_at,
        _R.next_at,
        _R.rest_until,
    ),
    *(_R.report, _R.http, _R.lease, _R.lease_until, _R.detached_at),
    *(_R.sync_requested_at, _R.sync_started_at, _R.sync_finished_at, _R.sync_result),
)
"""The columns that `read` needs."""


def slug_of(subscription_id: int) -> str:
    """The slug of the calendar that shows a subscription's events."""
    return EXTERNAL.slug_of(subscription_id)


def read(row: Row[*tuple[Any, ...]]) -> Subscription:
    """The subscription in a row of `COLUMNS`."""
    return Subscription(
        id=row.id,
        user_id=row.user_id,
        calendar_id=slug_of(row.id),
        label=row.label,
        host=row.host,
        has_credentials=row.encrypted_credentials is not None,
        policy=Policy(busy=row.busy, tentative=row.tentative, visibility=row.visibility),
        time_zone=row.time_zone,
        status=row.status,
        reason=row.reason,
        message=row.message,
        last_attempt_at=row.last_attempt_at,
        last_success_at=row.last_success_at,
        next_at=row.next_at or int(time.time()),  # 0 is "before all others"
        rest_until=row.rest_until,
        detached_at=row.detached_at,
        sync=_sync(row),
        http=json.loads(row.http) if row.http else None,
        report=json.loads(row.report) if row.report else None,
    )


def _sync(row: Row[*tuple[Any, ...]]) -> Sync:
    state, result = "never", None
    if row.lease is not None and row.lease_until >= time.time():
        state = "running"
    elif row.sync_requested_at > row.sync_finished_at:  # also one whose importer was killed or told to stop
        state = "queued"
    elif row.sync_finished_at:
        state, result = "done", row.sync_result
    return Sync(
        state=state,
        requested_at=_moment(row.sync_requested_at),
        started_at=_moment(row.sync_started_at),
        finished_at=_moment(row.sync_finished_at),
        result=result,
    )


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
