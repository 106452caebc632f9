# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions to outside calendars, as owners and admins manage them; the importer works them off (imports.py).

The URL is a credential: it is kept encrypted and only its host is ever shown. An `actor` without the permission for
everybody's subscriptions cannot tell another user's from one that does not exist.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, exists, insert, select, update

from scheduling.access import audit
from scheduling.access.authority import over_belongings
from scheduling.access.permissions import Actor, Permission, permits, require
from scheduling.access.secrets import Keyring
from scheduling.admission import Admission, anywhere
from scheduling.calendars.catch_up import create_calendar
from scheduling.conflicts import checks
from scheduling.errors import Invalid, NotFound
from scheduling.feeds import links
from scheduling.ical import timezones
from scheduling.kinds import EXTERNAL
from scheduling.kinds import policy as import_policy
from scheduling.kinds.policy import Policy
from scheduling.models import Calendar, ExternalEvent, ExternalEventVersion, Generation, ScheduleChange
from scheduling.models import Subscription as SubscriptionRow
from scheduling.subscriptions import applying, erasing, generations
from scheduling.subscriptions import credentials as source_credentials
from scheduling.subscriptions import url as subscription_url
from scheduling.subscriptions.credentials import Credentials
from scheduling.subscriptions.record import COLUMNS, Subscription, read, slug_of

__all__ = ["Changes", "Subscription"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What shall be different; None leaves it. `no_credentials` and `user_zone` take away what there was."""

    label: str | None = None
    url: str | None = field(default=None, repr=False)
    credentials: Credentials | None = field(default=None, repr=False)
    no_credentials: bool = False
    busy: str | None = None
    tentative: str | None = None
    visibility: str | None = None
    time_zone: str | None = None
    user_zone: bool = False


_ALL, _OWN = Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_OWN
_R = SubscriptionRow
_UNREAD: dict[str, Any] = {
    "etag": None,
    "last_modified": None,
    "body_digest": None,
    "refresh": 0,
    "failures": 0,
    "failing_since": None,
    "prompt": False,
    "next_at": 0,
    "lease": None,
    "lease_until": 0,
}
"""What is forgotten so that a source is fetched at once and whole; a fetch under way writes nothing any more."""


def add(
    connection: Connection,
    keyring: Keyring,
    user_id: int,
    url: str,
    label: str,
    *,
    credentials: Credentials | None = None,
    policy: Policy | None = None,
    time_zone: str | None = None,
    admit: Admission = anywhere,
    actor: Actor,
) -> Subscription:
    """Subscribe a user; the first import is due at once. `time_zone` is that of floating times (None: the user's),
    `admit` says which URLs may be fetched here. Raises `Forbidden`, and `Invalid` for what cannot be.
    """
    require(_ALL, own=_OWN, owner_id=user_id, actor=actor)
    over_belongings(connection, user_id, actor=actor)
    url, label = subscription_url.checked(url, admit), _label(label)
    host = subscription_url.host_of(url)
    policy = import_policy.checked(policy or Policy())
    now = int(time.time())
    created = connection.execute(
        insert(_R)
        .values(
            user_id=user_id,
            label=label,
            host=host,
            encrypted_url=keyring.encrypt(url),
            encrypted_credentials=_encrypted(keyring, credentials),
            busy=policy.busy,
            tentative=policy.tentative,
            visibility=policy.visibility,
            time_zone=_zone(time_zone),
            created_at=datetime.now(UTC),
            next_at=now,
        )
        .returning(_R.id)
    ).scalar_one()
    create_calendar(
        connection, user_id=user_id, slug=slug_of(created), kind=EXTERNAL.slug, now=now, display_name=label
    )
    _hide(connection, user_id, created, policy.visibility)
    audit.record(
        connection, "subscription.add", f"subscription:{created}", user_id=user_id, host=host, actor=actor
    )
    return get(connection, created, actor=actor)


def get(connection: Connection, subscription_id: int, *, actor: Actor) -> Subscription:
    """Raises `NotFound`, for another user's too unless the actor may manage all."""
    return _one(connection, subscription_id, actor, detached=False)


def manageable(connection: Connection, subscription_id: int, *, actor: Actor) -> Subscription:
    """As `get`, for whoever may also change it. Raises `Forbidden` where its owner has more power over others."""
    found = get(connection, subscription_id, actor=actor)
    over_belongings(connection, found.user_id, actor=actor)
    return found


def get_detached(connection: Connection, subscription_id: int, *, actor: Actor) -> Subscription:
    """As `get`, what stayed of a subscription that was ended."""
    return _one(connection, subscription_id, actor, detached=True)


def list_subscriptions(
    connection: Connection, user_id: int | None = None, *, detached: bool = False, actor: Actor
) -> list[Subscription]:
    """The subscriptions of one user or of all, oldest first; with `detached`, those that were ended and whose events
    stayed. Raises `Forbidden`.
    """
    require(_ALL, own=_OWN, owner_id=user_id, actor=actor)
    wanted = _R.detached_at.is_not(None) if detached else _R.detached_at.is_(None)
    statement = select(*COLUMNS).where(wanted, ~_R.erased).order_by(_R.id)
    if user_id is not None:
        statement = statement.where(_R.user_id == user_id)
    return [read(row) for row in connection.execute(statement)]


def change(
    connection: Connection,
    keyring: Keyring,
    subscription_id: int,
    changes: Changes,
    *,
    admit: Admission = anywhere,
    actor: Actor,
) -> Subscription:
    """Change a subscription. With another URL the events of the old one go on blocking until the new one was read and
    is not doubted; what shall be shown, and how, counts at once. Raises `NotFound`, `Invalid`.
    """
    found = manageable(connection, subscription_id, actor=actor)
    policy = import_policy.checked(
        Policy(
            busy=changes.busy or found.policy.busy,  # type: ignore[arg-type]
            tentative=changes.tentative or found.policy.tentative,  # type: ignore[arg-type]
            visibility=changes.visibility or found.policy.visibility,  # type: ignore[arg-type]
        )
    )
    values: dict[str, Any] = {}
    if changes.label is not None and _label(changes.label) != found.label:
        values["label"] = _label(changes.label)
        connection.execute(update(Calendar).where(*_calendar(found)).values(display_name=values["label"]))
        checks.mark_calendar(connection, found.user_id, slug_of(subscription_id))
    values |= _source(connection, keyring, found, changes, admit)
    if policy != found.policy:
        values |= {"busy": policy.busy, "tentative": policy.tentative, "visibility": policy.visibility}
    if changes.user_zone or changes.time_zone is not None:
        zone = None if changes.user_zone else _zone(changes.time_zone)
        if zone != found.time_zone:
            values |= {**_UNREAD, "time_zone": zone}
    if not values:
        return found
    connection.execute(update(_R).where(_R.id == subscription_id).values(**values))
    if policy != found.policy:
        _show_anew(connection, found, policy)
    names = ("label", "busy", "tentative", "visibility", "time_zone")
    changed = [name for name in names if name in values]
    changed += [name for name in ("url", "credentials") if f"encrypted_{name}" in values]
    audit.record(
        connection,
        "subscription.change",
        f"subscription:{subscription_id}",
        changed=", ".join(changed),
        host=values.get("host"),
        actor=actor,
    )
    return get(connection, subscription_id, actor=actor)


def pause(connection: Connection, subscription_id: int, *, actor: Actor) -> None:
    """Stop fetching; what was imported goes on blocking. Raises `NotFound`."""
    manageable(connection, subscription_id, actor=actor)
    connection.execute(
        update(_R).where(_R.id == subscription_id).values(status="paused", lease=None, lease_until=0)
    )
    audit.record(connection, "subscription.pause", f"subscription:{subscription_id}", actor=actor)


def resume(connection: Connection, subscription_id: int, *, actor: Actor) -> None:
    """Fetch again, at once. Raises `NotFound`."""
    manageable(connection, subscription_id, actor=actor)
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
    audit.record(connection, "subscription.resume", f"subscription:{subscription_id}", actor=actor)


def request_sync(
    connection: Connection, subscription_id: int, *, wait: int | None = None, actor: Actor
) -> None:
    """Make a subscription due now. With `wait` (seconds) only politely: a sync that is already requested or running is
    not requested again, it begins `wait` seconds after the last requested one at the earliest, and not before the
    server's Retry-After is over. Raises `NotFound`, `Invalid` for a paused one.
    """
    found = manageable(connection, subscription_id, actor=actor)
    if found.status == "paused":
        raise Invalid(f"Subscription {subscription_id} is paused; resume it first.")
    due = 0
    if wait is not None:
        if found.sync.state in ("queued", "running"):
            return
        due = _earliest(found, wait)
    connection.execute(
        update(_R)
        .where(_R.id == subscription_id)
        .values(next_at=due, sync_requested_at=time.time_ns() // 1_000_000)
    )


def _earliest(found: Subscription, wait: int) -> int:
    """The epoch second of the next polite fetch; 0 where that is now."""
    now = int(time.time())
    finished = found.sync.finished_at if found.sync.requested_at is not None else None
    after_last = 0 if finished is None else int(finished.timestamp()) + wait
    due = max(after_last, found.rest_until)
    return due if due > now else 0


def remove(
    connection: Connection,
    subscription_id: int,
    *,
    events: Literal["keep", "delete"] = "keep",
    actor: Actor,
) -> None:
    """End a subscription and forget its URL. What it imported stays, detached, or goes. Raises `NotFound`."""
    found = manageable(connection, subscription_id, actor=actor)
    there = connection.scalar(select(exists().where(ExternalEvent.subscription_id == subscription_id)))
    if events == "keep" and there:
        # A state that is being shown goes on being shown; what is beside of it goes later (`erasing.py`).
        is_whole = not applying.is_begun(connection, subscription_id)
        if is_whole and erasing.is_small(connection, subscription_id, events_too=False):
            for table in (Generation, ExternalEventVersion):
                connection.execute(delete(table).where(table.subscription_id == subscription_id))
        gone = {"encrypted_url": b"", "encrypted_credentials": None, "source_key": None, "http": None}
        gone |= {"reason": None, "message": None, "report": None, "seen_generation": None}
        connection.execute(
            update(_R)
            .where(_R.id == subscription_id)
            .values(**{**_UNREAD, **gone, "status": "paused", "detached_at": datetime.now(UTC)})
        )
    else:
        _erase(connection, found)
    _audit_end(connection, actor, "subscription.remove", found, events)


def remove_detached(connection: Connection, subscription_id: int, *, actor: Actor) -> None:
    """Remove the events that stayed of a subscription. Raises `NotFound`."""
    found = get_detached(connection, subscription_id, actor=actor)
    over_belongings(connection, found.user_id, actor=actor)
    _erase(connection, found)
    _audit_end(connection, actor, "subscription.remove_detached", found, "delete")


def _one(connection: Connection, subscription_id: int, actor: Actor, *, detached: bool) -> Subscription:
    row = connection.execute(select(*COLUMNS).where(_R.id == subscription_id, ~_R.erased)).first()
    found = row is not None and (row.detached_at is not None) == detached
    if row is None or not found or not permits(_ALL, own=_OWN, owner_id=row.user_id, actor=actor):
        what = "detached calendar" if detached else "subscription"
        raise NotFound(f"There is no {what} {subscription_id}.", noun="subscription")
    return read(row)


def _source(
    connection: Connection, keyring: Keyring, found: Subscription, changes: Changes, admit: Admission
) -> dict[str, Any]:
    """The columns of another URL or other credentials; nothing where they are the same."""
    values: dict[str, Any] = {}
    row = connection.execute(
        select(_R.encrypted_url, _R.encrypted_credentials).where(_R.id == found.id)
    ).one()
    if changes.url is not None:
        url, old = subscription_url.checked(changes.url, admit), keyring.decrypt(row.encrypted_url)
        if url != old:
            given = changes.credentials is not None or changes.no_credentials
            elsewhere = subscription_url.origin_of(url) != subscription_url.origin_of(old)
            if found.has_credentials and elsewhere and not given:
                raise Invalid(
                    "The new URL is on another host: give its credentials too, or remove the old ones."
                )
            values |= {
                "encrypted_url": keyring.encrypt(url),
                "host": subscription_url.host_of(url),
                "moved": True,
            }
            values |= {"seen_generation": None, "rest_until": 0}
            generations.withdraw_others(connection, found.id)
    if changes.credentials is not None:
        values["encrypted_credentials"] = _encrypted(keyring, changes.credentials)
    elif changes.no_credentials and found.has_credentials:
        values["encrypted_credentials"] = None
    return {**_UNREAD, "source_key": None, **values} if values else {}


def _show_anew(connection: Connection, found: Subscription, policy: Policy) -> None:
    slug = slug_of(found.id)
    connection.execute(
        insert(ScheduleChange).values(
            user_id=found.user_id, slug=slug, source_id=None, changed_at=int(time.time())
        )
    )
    if (policy.visibility == "hidden") != (found.policy.visibility == "hidden"):
        links.touch(connection, found.user_id)
        _hide(connection, found.user_id, found.id, policy.visibility)


def _hide(connection: Connection, user_id: int, subscription_id: int, visibility: str) -> None:
    of_subscription = (Calendar.user_id == user_id, Calendar.slug == slug_of(subscription_id))
    connection.execute(update(Calendar).where(*of_subscription).values(hidden=visibility == "hidden"))


def _erase(connection: Connection, found: Subscription) -> None:
    links.touch(connection, found.user_id)
    if erasing.is_small(connection, found.id):
        connection.execute(delete(ExternalEvent).where(ExternalEvent.subscription_id == found.id))
        connection.execute(delete(_R).where(_R.id == found.id))
        connection.execute(delete(Calendar).where(*_calendar(found)))
    else:
        erasing.erase(connection, found.id, found.user_id)
    checks.mark_calendar(connection, found.user_id, slug_of(found.id))


def _audit_end(connection: Connection, actor: Actor, action: str, found: Subscription, events: str) -> None:
    audit.record(
        connection,
        action,
        f"subscription:{found.id}",
        user_id=found.user_id,
        host=found.host,
        events=events,
        actor=actor,
    )


def _calendar(found: Subscription) -> tuple[Any, ...]:
    return Calendar.user_id == found.user_id, Calendar.slug == slug_of(found.id)


def _encrypted(keyring: Keyring, credentials: Credentials | None) -> bytes | None:
    if credentials is None:
        return None
    return keyring.encrypt(source_credentials.checked(credentials).dumps())


def _zone(name: str | None) -> str | None:
    if name is not None and not timezones.is_zone(name):
        raise Invalid("That is not an IANA time zone; an example is Europe/Berlin.")
    return name


def _label(label: str) -> str:
    label = label.strip()
    if not 1 <= len(label) <= 255 or "\x00" in label:
        raise Invalid(
            "The label of a subscription must have 1 to 255 characters, for example the calendar's name."
        )
    return label
