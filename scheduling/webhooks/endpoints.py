# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks as admins register them. The URL is kept encrypted and only its host shown; the signing secret is shown
once, when it is made. Every change is permitted and audited here.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, ScalarSelect, delete, func, insert, select, update

from scheduling.access import audit
from scheduling.access.permissions import Actor, Permission, require
from scheduling.access.secrets import Keyring, new_token
from scheduling.admission import Admission, anywhere, require_admitted, without_userinfo
from scheduling.errors import Invalid, NotFound
from scheduling.models import Webhook as WebhookRow
from scheduling.models import WebhookDelivery
from scheduling.sentences import did_you_mean
from scheduling.webhooks.events import KNOWN, TEST, EventType, queue

DEFAULT_HOURS = 24
LONGEST_HOURS = 720
LONGEST_URL = 2048
OVERLAP = 86_400
"""Seconds for which deliveries are also signed with a secret that was replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """One webhook without its URL and secret. `status` is active, error (the last attempt failed; `message` says why)
    or paused; `within_hours` is how long before its start a changed job is told of; `pending` and `dead` count
    deliveries.
    """

    id: int
    label: str
    host: str
    events: tuple[EventType, ...]
    within_hours: int
    status: str
    reason: str | None
    message: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    pending: int
    dead: int


_R = WebhookRow


def _count(status: str) -> ScalarSelect[int]:
    counted = select(func.count()).select_from(WebhookDelivery)
    return counted.where(
        WebhookDelivery.webhook_id == _R.id, WebhookDelivery.status == status
    ).scalar_subquery()


_SHOWN = select(
    _R.id,
    _R.label,
    _R.host,
    _R.events,
    _R.within_hours,
    _R.status,
    _R.reason,
    _R.message,
    _R.created_at,
    _R.last_attempt_at,
    _R.last_success_at,
    _count("pending").label("pending"),
    _count("dead").label("dead"),
).order_by(_R.id)


def add(
    connection: Connection,
    keyring: Keyring,
    url: str,
    events: Collection[str] = tuple(EventType),
    *,
    label: str = "",
    within_hours: int = DEFAULT_HOURS,
    allow_http: bool = False,
    admit: Admission = anywhere,
    actor: Actor,
) -> tuple[Webhook, str]:
    """Register an address for event types; returns the webhook and its signing secret. `allow_http` also takes
    unencrypted addresses, `admit` says which can be reached. Raises `Invalid`, `Forbidden`.
    """
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    host, secret = _checked_host(url, admit, allow_http=allow_http), _new_secret()
    created = connection.execute(
        insert(_R)
        .values(
            label=_checked_label(label.strip() or host),
            host=host,
            encrypted_url=keyring.encrypt(url.strip()),
            encrypted_secret=keyring.encrypt(secret),
            events=_checked_events(events),
            within_hours=_checked_hours(within_hours),
            created_at=datetime.now(UTC),
        )
        .returning(_R.id)
    ).scalar_one()
    found = get(connection, created)
    _note(connection, actor, "create", created, host=host, events=", ".join(found.events))
    return found, secret


def get(connection: Connection, webhook_id: int) -> Webhook:
    """Raises `NotFound`."""
    row = connection.execute(_SHOWN.where(_R.id == webhook_id)).first()
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}.", noun="webhook")
    return _webhook(row)


def page(connection: Connection, *, after: int = 0, limit: int = 1000) -> list[Webhook]:
    """Up to `limit` webhooks with ids above `after`, oldest first."""
    return [_webhook(row) for row in connection.execute(_SHOWN.where(_R.id > after).limit(limit))]


def change(
    connection: Connection,
    keyring: Keyring,
    webhook_id: int,
    *,
    url: str | None = None,
    events: Collection[str] | None = None,
    label: str | None = None,
    within_hours: int | None = None,
    allow_http: bool = False,
    admit: Admission = anywhere,
    actor: Actor,
) -> Webhook:
    """Change what is not None. Raises `NotFound`, `Invalid`, `Forbidden`."""
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    get(connection, webhook_id)
    values: dict[str, Any] = {}
    if url is not None:
        host = _checked_host(url, admit, allow_http=allow_http)
        values |= {"host": host, "encrypted_url": keyring.encrypt(url.strip()), "failures": 0, "next_at": 0}
    if events is not None:
        values["events"] = _checked_events(events)
    if label is not None:
        values["label"] = _checked_label(label.strip())
    if within_hours is not None:
        values["within_hours"] = _checked_hours(within_hours)
    if values:
        connection.execute(update(_R).where(_R.id == webhook_id).values(**values))
        facts = {name: values.get(name) for name in ("host", "events", "within_hours")}
        _note(connection, actor, "change", webhook_id, **facts)
    return get(connection, webhook_id)


def replace_secret(connection: Connection, keyring: Keyring, webhook_id: int, *, actor: Actor) -> str:
    """Make a new signing secret and return it; for a day, deliveries are signed with the old one too. Raises
    `NotFound`, `Forbidden`.
    """
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    get(connection, webhook_id)
    secret = _new_secret()
    connection.execute(
        update(_R)
        .where(_R.id == webhook_id)
        .values(
            encrypted_previous_secret=_R.encrypted_secret,
            previous_until=int(time.time()) + OVERLAP,
            encrypted_secret=keyring.encrypt(secret),
        )
    )
    _note(connection, actor, "replace_secret", webhook_id)
    return secret


def pause(connection: Connection, webhook_id: int, *, reason: str | None = None, actor: Actor) -> None:
    """Send nothing and queue nothing new; what is queued waits. Raises `NotFound`, `Forbidden`."""
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    get(connection, webhook_id)
    connection.execute(
        update(_R).where(_R.id == webhook_id).values(status="paused", lease=None, lease_until=0)
    )
    _note(connection, actor, "pause", webhook_id, reason=reason)


def resume(connection: Connection, webhook_id: int, *, actor: Actor) -> None:
    """Send again, at once. Raises `NotFound`, `Forbidden`."""
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    get(connection, webhook_id)
    connection.execute(
        update(_R)
        .where(_R.id == webhook_id)
        .values(status="active", reason=None, message=None, failures=0, next_at=0)
    )
    _note(connection, actor, "resume", webhook_id)


def remove(connection: Connection, webhook_id: int, *, actor: Actor) -> None:
    """Forget a webhook, its queue and its log. Raises `NotFound`, `Forbidden`."""
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    found = get(connection, webhook_id)
    connection.execute(delete(_R).where(_R.id == webhook_id))
    _note(connection, actor, "remove", webhook_id, host=found.host)


def test(connection: Connection, webhook_id: int, *, actor: Actor) -> int:
    """Queue a test event, to be tried at once; returns the delivery's id. Raises `NotFound`, `Invalid` for a paused
    webhook, `Forbidden`.
    """
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    found = get(connection, webhook_id)
    if found.status == "paused":
        raise Invalid(f"Webhook {webhook_id} is paused; resume it first.")
    connection.execute(update(_R).where(_R.id == webhook_id).values(next_at=0))
    payload = {"message": "This is a test.", "webhook": {"id": found.id, "label": found.label}}
    (delivery,) = queue(connection, [webhook_id], TEST, payload)
    _note(connection, actor, "test", webhook_id)
    return delivery


def _checked_host(url: str, admit: Admission, *, allow_http: bool) -> str:
    """The host of an address that a webhook may have, at most 255 characters. Raises `Invalid`, without the URL, with
    everything that is wrong with it.
    """
    url = url.strip()
    problem = "This is not the URL of a webhook; an example is https://app.example.com/daysheet."
    if len(url) > LONGEST_URL or any(not 32 < ord(character) < 127 for character in url) or "\\" in url:
        raise Invalid(problem)
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise Invalid(problem) from None
    if not host or "://" not in url or len(host) > 255:
        raise Invalid(problem)
    found = []
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        way = "; an operator can permit http with [importer] allow_http" if parts.scheme == "http" else ""
        found.append(f"The URL of a webhook must begin with https://, because events are confidential{way}.")
        parts = parts._replace(scheme="https")  # the rest is judged as if it did
    if parts.username is not None or parts.password is not None:
        found.append("The URL contains a username or password; put a secret into its path instead.")
    require_admitted(without_userinfo(parts.geturl()), admit, found)
    return host


def _new_secret() -> str:
    return f"dsw_{new_token()}"


def _checked_events(events: Collection[str]) -> str:
    for name in events:
        if name not in KNOWN:
            known = ", ".join(EventType)
            raise Invalid(
                f"There is no event {name!r}{did_you_mean(name, EventType)}; the events are {known}."
            )
    if not events:
        raise Invalid(f"Name at least one event; the events are {', '.join(EventType)}.")
    return " ".join(event for event in EventType if event in events)


def _checked_label(label: str) -> str:
    if not 1 <= len(label) <= 255 or "\x00" in label:
        raise Invalid(
            "The label of a webhook must have 1 to 255 characters, for example the application's name."
        )
    return label


def _checked_hours(hours: int) -> int:
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid(f"A changed job can be sent from 1 to {LONGEST_HOURS} hours before its start.")
    return hours


def _note(connection: Connection, actor: Actor, verb: str, webhook_id: int, **facts: audit.Fact) -> None:
    audit.record(connection, f"webhook.{verb}", f"webhook:{webhook_id}", **facts, actor=actor)


def _webhook(row: Row[*tuple[Any, ...]]) -> Webhook:
    events = tuple(EventType(name) for name in row.events.split() if name in KNOWN)
    return Webhook(**{**row._asdict(), "events": events})
