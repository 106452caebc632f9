# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions to outside calendars, as owners and admins manage them; the importer works them off (imports.py).

The URL is a credential: it is kept encrypted and only its host is ever shown. An `actor` without the permission for
everybody's subscriptions cannot tell another user's from one that does not exist.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, insert, select, update

from scheduling import audit, feed_links
from scheduling.catch_up import create_calendar
from scheduling.errors import Invalid, NotFound
from scheduling.models import Calendar, ExternalEvent
from scheduling.models import Subscription as SubscriptionRow
from scheduling.permissions import SYSTEM, Actor, Permission, permits, require
from scheduling.secrets import Keyring

SCHEMES = ("https", "http", "webcal", "webcals")
LONGEST_URL = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """One subscription without its URL. `next_at` is in epoch seconds; `report` tells what the last import found."""

    id: int
    user_id: int
    label: str
    host: str
    status: str
    reason: str | None
    message: str | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    next_at: int
    report: dict[str, Any] | None


_ALL, _OWN = Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_OWN
_R = SubscriptionRow
_COLUMNS = (
    _R.id,
    _R.user_id,
    _R.label,
    _R.host,
    _R.status,
    _R.reason,
    _R.message,
    _R.last_attempt_at,
    _R.last_success_at,
    _R.next_at,
    _R.report,
)


def slug_of(subscription_id: int) -> str:
    """The slug of the calendar that shows a subscription's events."""
    return f"external-{subscription_id}"


def add(
    connection: Connection, keyring: Keyring, user_id: int, url: str, label: str, *, actor: Actor = SYSTEM
) -> Subscription:
    """Subscribe a user; the first import is due at once. Raises `Forbidden`, `Invalid` for a URL or label that cannot
    be.
    """
    require(actor, _ALL, own=_OWN, owner_id=user_id)
    url, label = url.strip(), _label(label)
    host = _host(url)
    now = int(time.time())
    created = connection.execute(
        insert(_R)
        .values(
            user_id=user_id,
            label=label,
            host=host,
            encrypted_url=keyring.encrypt(url),
            created_at=datetime.now(UTC),
            next_at=now,
        )
        .returning(_R.id)
    ).scalar_one()
    create_calendar(
        connection, user_id=user_id, slug=slug_of(created), kind="external", now=now, display_name=label
    )
    audit.record(connection, actor, "subscription.add", f"subscription:{created}", user_id=user_id, host=host)
    return get(connection, created)


def get(connection: Connection, subscription_id: int, *, actor: Actor = SYSTEM) -> Subscription:
    """Raises `NotFound`, for another user's too unless the actor may manage all."""
    row = connection.execute(select(*_COLUMNS).where(_R.id == subscription_id)).first()
    if row is None or not permits(actor, _ALL, own=_OWN, owner_id=row.user_id):
        raise NotFound(
            f"There is no subscription {subscription_id}; `daysheet subscription list` shows them."
        )
    return _subscription(row)


def list_subscriptions(
    connection: Connection, user_id: int | None = None, *, actor: Actor = SYSTEM
) -> list[Subscription]:
    """The subscriptions of one user or of all, oldest first. Raises `Forbidden`."""
    require(actor, _ALL, own=_OWN, owner_id=user_id)
    statement = select(*_COLUMNS).order_by(_R.id)
    if user_id is not None:
        statement = statement.where(_R.user_id == user_id)
    return [_subscription(row) for row in connection.execute(statement)]


def rename(connection: Connection, subscription_id: int, label: str, *, actor: Actor = SYSTEM) -> None:
    """Give it another label, which also names its calendar. Raises `NotFound`, `Invalid`."""
    found = get(connection, subscription_id, actor=actor)
    label = _label(label)
    connection.execute(update(_R).where(_R.id == subscription_id).values(label=label))
    of_subscription = (Calendar.user_id == found.user_id, Calendar.slug == slug_of(subscription_id))
    connection.execute(update(Calendar).where(*of_subscription).values(display_name=label))
    audit.record(connection, actor, "subscription.rename", f"subscription:{subscription_id}")


def pause(connection: Connection, subscription_id: int, *, actor: Actor = SYSTEM) -> None:
    """Stop fetching; what was imported goes on blocking. Raises `NotFound`."""
    get(connection, subscription_id, actor=actor)
    connection.execute(
        update(_R).where(_R.id == subscription_id).values(status="paused", lease=None, lease_until=0)
    )
    audit.record(connection, actor, "subscription.pause", f"subscription:{subscription_id}")


def resume(connection: Connection, subscription_id: int, *, actor: Actor = SYSTEM) -> None:
    """Fetch again, at once. Raises `NotFound`."""
    get(connection, subscription_id, actor=actor)
    connection.execute(
        update(_R)
        .where(_R.id == subscription_id)
        .values(
            status="active",
            reason=None,
            message=None,
            failures=0,
            failing_since=None,
            next_at=int(time.time()),
        )
    )
    audit.record(connection, actor, "subscription.resume", f"subscription:{subscription_id}")


def request_sync(connection: Connection, subscription_id: int, *, actor: Actor = SYSTEM) -> None:
    """Make a subscription due now. Raises `NotFound`, and `Invalid` for a paused one."""
    if get(connection, subscription_id, actor=actor).status == "paused":
        raise Invalid(f"Subscription {subscription_id} is paused; resume it first.")
    connection.execute(update(_R).where(_R.id == subscription_id).values(next_at=0))


def remove(connection: Connection, subscription_id: int, *, actor: Actor = SYSTEM) -> None:
    """End a subscription and remove what it imported. Raises `NotFound`."""
    found = get(connection, subscription_id, actor=actor)
    feed_links.touch(connection, found.user_id)
    connection.execute(delete(ExternalEvent).where(ExternalEvent.subscription_id == subscription_id))
    connection.execute(delete(_R).where(_R.id == subscription_id))
    connection.execute(
        delete(Calendar).where(Calendar.user_id == found.user_id, Calendar.slug == slug_of(subscription_id))
    )
    audit.record(
        connection,
        actor,
        "subscription.remove",
        f"subscription:{subscription_id}",
        user_id=found.user_id,
        host=found.host,
    )


def _label(label: str) -> str:
    label = label.strip()
    if not 1 <= len(label) <= 255:
        raise Invalid("The label of a subscription has 1 to 255 characters, for example the calendar's name.")
    return label


def _host(url: str) -> str:
    problem = "The URL is not one of a calendar; it looks like https://calendar.example.com/....ics."
    if len(url) > LONGEST_URL or any(ord(character) < 33 or ord(character) == 127 for character in url):
        raise Invalid(problem)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise Invalid(problem) from None
    if parts.scheme.lower() not in SCHEMES or not host:
        raise Invalid(problem)
    if parts.username is not None or parts.password is not None:
        raise Invalid("The URL holds a username or password; use the private link of the calendar instead.")
    return host[:255]


def _subscription(row: Row[*tuple[Any, ...]]) -> Subscription:
    values = row._asdict()
    values["report"] = json.loads(row.report) if row.report else None
    return Subscription(**values)
