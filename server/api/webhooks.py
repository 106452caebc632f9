# SPDX-License-Identifier: GPL-3.0-or-later
"""/webhooks: addresses that are told of events, and the log of their deliveries."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from scheduling.access.permissions import Permission
from scheduling.webhooks import deliveries, endpoints
from scheduling.webhooks.deliveries import Delivery as StoredDelivery
from scheduling.webhooks.endpoints import DEFAULT_HOURS, LONGEST_HOURS, LONGEST_URL
from scheduling.webhooks.endpoints import Webhook as StoredWebhook
from server import importing
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.problems import FORMS
from server.api.protocol.validators import etag_of
from server.api.protocol.values import WHOLE, Given, Id, Line, Name, Paged, Shown, ShownMoment

routes = Routes(
    tag="Webhooks",
    about="https addresses that get signed requests about events. docs/webhooks.md says what they get. "
    "The address may hold a secret: it can be set, but is never shown. A running worker sends "
    "the requests.",
)

Event = Literal[
    "job.changed",
    "subscription.error",
    "subscription.recovered",
    "subscription.quarantined",
    "subscription.paused",
    "feed.regenerated",
    "conflict.opened",
    "conflict.resolved",
    "conflict.acknowledged",
]
_URL = r"^https?://[\x21-\x7e]+$"
FORMS[_URL] = "It has to be a URL such as https://app.example.com/daysheet"
Link = Annotated[
    str, StringConstraints(min_length=10, max_length=LONGEST_URL, strip_whitespace=True, pattern=_URL)
]
Events = Annotated[list[Event], Field(min_length=1, max_length=20)]
Hours = Annotated[int, Field(ge=1, le=LONGEST_HOURS), WHOLE]


class WebhookGiven(Given):
    """An address to tell of events."""

    url: Link = Field(description="Its https address.")
    events: Events = Field(description="The events that are sent.")
    label: Line = Field(default="", description="A name for it. Empty means its host.")
    within_hours: Hours = Field(
        default=DEFAULT_HOURS,
        description="Send a changed job only in the last hours before its start: this many.",
    )


class WebhookChange(Given):
    """What shall be different; what is left out stays."""

    url: Link = Field(default_factory=str)
    events: Events = Field(default_factory=list)
    label: Name = Field(default_factory=str)
    within_hours: Hours = Field(default_factory=lambda: DEFAULT_HOURS)
    status: Literal["active", "paused"] = Field(
        default_factory=lambda: "active", description="paused: nothing is sent, and nothing new is queued."
    )


class DeliveryQuery(Paged):
    """Which deliveries."""

    status: Literal["pending", "delivered", "dead"] | None = Field(
        default=None, description="Only in this status."
    )


class Webhook(Shown):
    """A webhook without its address and secret."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    label: str
    host: str
    events: list[str]
    within_hours: int
    status: str = Field(description="active, error (the last attempt failed) or paused.")
    reason: str | None = Field(description="Why the status is error, as a word for programs.")
    message: str | None = Field(description="The same as a sentence for people.")
    created_at: ShownMoment
    last_attempt_at: ShownMoment | None
    last_success_at: ShownMoment | None
    pending: int = Field(description="How many deliveries wait.")
    dead: int = Field(description="How many deliveries are dead.")


class CreatedWebhook(Webhook):
    """A new webhook with its secret."""

    secret: str = Field(description="The key of the signatures. It is never shown again.")


class WebhookSecret(Shown):
    """A new signing secret."""

    secret: str = Field(
        description="It is never shown again. For one day deliveries are signed with the old secret too."
    )


class Webhooks(Shown):
    """A page of webhooks."""

    webhooks: list[Webhook]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class WebhookDelivery(Shown):
    """One event for one webhook, and what came of the last attempt."""

    id: int
    event_id: str
    event_type: str
    status: str = Field(description="pending, delivered or dead.")
    attempts: int
    created_at: ShownMoment
    last_attempt_at: ShownMoment | None
    http_status: int | None = Field(description="What the receiver answered.")
    milliseconds: int | None = Field(description="How long the receiver took.")
    reason: str | None = Field(description="Why it failed, as a word for programs.")
    message: str | None = Field(description="The same as a sentence for people.")


class WebhookDeliveryInFull(WebhookDelivery):
    """A delivery with what is sent."""

    event: dict[str, Any] = Field(description="The JSON object that is sent.")


class WebhookDeliveries(Shown):
    """A page of the log."""

    deliveries: list[WebhookDelivery]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@routes.operation("GET", "/webhooks", returns=Webhooks, refuses=(422,))
def list_webhooks(call: Call, query: Paged) -> Reply:
    """List webhooks, oldest first."""
    call.require(Permission.WEBHOOKS_MANAGE)
    after = cursor.number(query.cursor) or 0
    found = endpoints.page(call.connection, after=after, limit=query.limit + 1)
    page = found[: query.limit]
    following = cursor.write(page[-1].id) if len(found) > len(page) else None
    return Reply(body=Webhooks(webhooks=[Webhook(**_told(it)) for it in page], next=following))


@routes.operation("POST", "/webhooks", returns=CreatedWebhook, status=201, creates=True, versioned=True)
def create_webhook(call: Call, body: WebhookGiven) -> Reply:
    """Register an address. Its signing secret is shown only in this answer."""
    made, secret = endpoints.add(
        call.connection,
        call.keyring,
        body.url,
        body.events,
        label=body.label,
        within_hours=body.within_hours,
        allow_http=call.settings.importer.allow_http,
        admit=importing.admission(call.settings),
        actor=call.actor,
    )
    return Reply(
        body=CreatedWebhook(**_told(made), secret=secret), etag=_etag(made), location=f"/webhooks/{made.id}"
    )


@routes.operation("GET", "/webhooks/{webhook_id}", returns=Webhook, versioned=True)
def get_webhook(call: Call, webhook_id: Id) -> Reply:
    """Show a webhook."""
    found = _webhook(call, webhook_id)
    return Reply(body=Webhook(**_told(found)), etag=_etag(found))


@routes.operation("PATCH", "/webhooks/{webhook_id}", returns=Webhook, versioned=True)
def change_webhook(call: Call, webhook_id: Id, body: WebhookChange) -> Reply:
    """Change the events or the address of a webhook, pause it, or resume it."""
    call.require_current(_etag(_webhook(call, webhook_id)))
    changes = body.model_dump(exclude_unset=True)
    status = changes.pop("status", None)
    endpoints.change(
        call.connection,
        call.keyring,
        webhook_id,
        **changes,
        allow_http=call.settings.importer.allow_http,
        admit=importing.admission(call.settings),
        actor=call.actor,
    )
    if status is not None:
        act = endpoints.pause if status == "paused" else endpoints.resume
        act(call.connection, webhook_id, actor=call.actor)
    changed = endpoints.get(call.connection, webhook_id)
    return Reply(body=Webhook(**_told(changed)), etag=_etag(changed))


@routes.operation("DELETE", "/webhooks/{webhook_id}", versioned=True)
def delete_webhook(call: Call, webhook_id: Id) -> Reply:
    """Delete a webhook, its queue and its log."""
    call.require_current(_etag(_webhook(call, webhook_id)))
    endpoints.remove(call.connection, webhook_id, actor=call.actor)
    return Reply()


@routes.operation("POST", "/webhooks/{webhook_id}/secret", returns=WebhookSecret)
def replace_webhook_secret(call: Call, webhook_id: Id) -> Reply:
    """Replace the signing secret.

    For one day, deliveries also carry a signature with the old secret.
    """
    secret = endpoints.replace_secret(call.connection, call.keyring, webhook_id, actor=call.actor)
    return Reply(body=WebhookSecret(secret=secret))


@routes.operation("POST", "/webhooks/{webhook_id}/test", returns=WebhookDelivery, status=202, refuses=(422,))
def test_webhook(call: Call, webhook_id: Id) -> Reply:
    """Send a test event.

    The answer is 202 at once. It is tried once; the log of deliveries shows the result.
    """
    delivery_id = endpoints.test(call.connection, webhook_id, actor=call.actor)
    found = deliveries.get(call.connection, webhook_id, delivery_id)
    return Reply(body=WebhookDelivery(**_facts(found)))


@routes.operation("GET", "/webhooks/{webhook_id}/deliveries", returns=WebhookDeliveries, refuses=(422,))
def list_webhook_deliveries(call: Call, webhook_id: Id, query: DeliveryQuery) -> Reply:
    """List deliveries, newest first."""
    call.require(Permission.WEBHOOKS_MANAGE)
    found = deliveries.page(
        call.connection,
        webhook_id,
        before=cursor.number(query.cursor),
        limit=query.limit + 1,
        status=query.status,
    )
    page = found[: query.limit]
    following = cursor.write(page[-1].id) if len(found) > len(page) else None
    return Reply(
        body=WebhookDeliveries(deliveries=[WebhookDelivery(**_facts(it)) for it in page], next=following)
    )


@routes.operation("GET", "/webhooks/{webhook_id}/deliveries/{delivery_id}", returns=WebhookDeliveryInFull)
def get_webhook_delivery(call: Call, webhook_id: Id, delivery_id: Id) -> Reply:
    """Show a delivery and what is sent."""
    call.require(Permission.WEBHOOKS_MANAGE)
    found = deliveries.get(call.connection, webhook_id, delivery_id)
    event = json.loads(deliveries.body(call.connection, delivery_id))
    return Reply(body=WebhookDeliveryInFull(**_facts(found), event=event))


@routes.operation(
    "POST",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    returns=WebhookDelivery,
    status=202,
    refuses=(422,),
)
def retry_webhook_delivery(call: Call, webhook_id: Id, delivery_id: Id) -> Reply:
    """Queue a delivery again, whatever its status is."""
    found = deliveries.retry(call.connection, webhook_id, delivery_id, actor=call.actor)
    return Reply(body=WebhookDelivery(**_facts(found)))


def _webhook(call: Call, webhook_id: int) -> StoredWebhook:
    call.require(Permission.WEBHOOKS_MANAGE)
    return endpoints.get(call.connection, webhook_id)


def _etag(it: StoredWebhook) -> str:
    return etag_of(it.id, it.label, it.host, it.events, it.within_hours, it.status == "paused")


def _told(it: StoredWebhook) -> dict[str, Any]:
    known = {name: getattr(it, name) for name in Webhook.model_fields if name not in ("etag", "events")}
    return {**known, "etag": _etag(it), "events": list(it.events)}


def _facts(it: StoredDelivery) -> dict[str, Any]:
    return {name: getattr(it, name) for name in WebhookDelivery.model_fields}
