# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/ical-subscriptions: outside calendars that block a user's time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from scheduling.access.permissions import Permission
from scheduling.errors import NotFound
from scheduling.kinds.policy import Policy
from scheduling.settings import stored
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.credentials import Credentials
from scheduling.subscriptions.subscriptions import Changes
from scheduling.subscriptions.subscriptions import Subscription as StoredSubscription
from server import importing
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.problems import FORMS
from server.api.protocol.validators import etag_of
from server.api.protocol.values import (
    Asked,
    Given,
    Id,
    Name,
    Paged,
    Shown,
    ShownEpoch,
    ShownMoment,
    Username,
    Zone,
)

routes = Routes(
    tag="Subscriptions",
    about="Outside calendars (.ics links), fetched regularly. Their events block the user's time. The "
    "link is a credential: it can be set, but is never shown.",
)

Status = Literal["active", "error", "paused"]
Busy = Literal["honour", "all"]
Tentative = Literal["tentative", "busy"]
Visibility = Literal["full", "busy-only", "hidden"]
_URL = r"^(https?|webcals?)://[\x21-\x7e]+$"
FORMS[_URL] = "It has to be the URL of a calendar such as https://calendar.example.com/a.ics"
Link = Annotated[
    str,
    StringConstraints(min_length=10, max_length=4096, strip_whitespace=True, pattern=_URL),
]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_BUSY = "honour: events marked as free do not block. all: every event blocks, except cancelled ones."
_TENTATIVE = "How tentative events appear."
_VISIBILITY = "What the user's calendars and feeds show. A hidden calendar still blocks."
_ZONE = "The zone of times that name none. Default: the user's."


class CredentialsGiven(Given):
    """What the server asks for beside the link; never shown again, and sent to the link's own host only."""

    kind: Literal["basic", "bearer", "header"]
    name: str = Field(
        default="", max_length=4096, description="For basic the user name, for header the header's name."
    )
    secret: Secret = Field(description="The password, token or header value.")


class SubscriptionGiven(Given):
    """A calendar to subscribe to."""

    url: Link = Field(description="The private .ics link. webcal means https.")
    label: Name
    credentials: CredentialsGiven | None = None
    busy: Busy = Field(default="honour", description=_BUSY)
    tentative: Tentative = Field(default="tentative", description=_TENTATIVE)
    visibility: Visibility = Field(default="full", description=_VISIBILITY)
    time_zone: Zone | None = Field(default=None, description=_ZONE)


class SubscriptionChange(Given):
    """What shall be different; what is left out stays."""

    label: Name = Field(default_factory=str)
    status: Literal["active", "paused"] = Field(
        default_factory=lambda: "active",
        description="paused: it is not fetched, and what was imported stays.",
    )
    url: Link = Field(
        default_factory=str,
        description="Another link. The events of the old one block until the new one was read and is not doubted.",
    )
    credentials: CredentialsGiven | None = Field(default=None, description="null removes them.")
    busy: Busy = Field(default_factory=lambda: "honour", description=_BUSY)
    tentative: Tentative = Field(default_factory=lambda: "tentative", description=_TENTATIVE)
    visibility: Visibility = Field(default_factory=lambda: "full", description=_VISIBILITY)
    time_zone: Zone | None = Field(default=None, description=_ZONE)


class SubscriptionQuery(Paged):
    """Which subscriptions."""

    status: Status | None = Field(default=None, description="Only in this status.")


class RemovalQuery(Asked):
    """What becomes of what was imported."""

    events: Literal["keep", "delete"] = Field(
        default="keep",
        description="keep: the events stay as a detached calendar and still block. delete: they go.",
    )


class Sync(Shown):
    """How far a synchronisation is."""

    state: Literal["never", "queued", "running", "done"]
    requested_at: ShownMoment | None = Field(description="Null if nobody requested it.")
    started_at: ShownMoment | None
    finished_at: ShownMoment | None
    result: str | None = Field(description="When done: applied, unchanged, quarantined or failed.")


class Subscription(Shown):
    """A subscription without its link."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    calendar_id: str = Field(description="Its calendar: /dav/{user}/{calendar_id}/.")
    label: str
    host: str = Field(description="The host that it is fetched from.")
    has_credentials: bool
    busy: Busy
    tentative: Tentative
    visibility: Visibility
    time_zone: str | None
    status: str
    reason: str | None = Field(description="Why the status is error, as a word for programs.")
    message: str | None = Field(description="The same as a sentence for people.")
    last_attempt_at: ShownMoment | None
    last_success_at: ShownMoment | None
    next_at: ShownEpoch
    sync: Sync
    http: dict[str, Any] | None = Field(description="The last HTTP exchange.")
    report: dict[str, Any] | None = Field(description="What the last fetch found.")


class Subscriptions(Shown):
    """A page of subscriptions."""

    subscriptions: list[Subscription]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@routes.operation("GET", "/users/{user}/ical-subscriptions", returns=Subscriptions, refuses=(422,))
def list_subscriptions(call: Call, user: Username, query: SubscriptionQuery) -> Reply:
    """List a user's subscriptions, oldest first."""
    found = _owner(call, user)
    after = cursor.number(query.cursor) or 0
    rest = [
        it
        for it in subscriptions.list_subscriptions(call.connection, found, actor=call.actor)
        if it.id > after and query.status in (None, it.status)
    ]
    page = rest[: query.limit]
    following = cursor.write(page[-1].id) if len(rest) > len(page) else None
    return Reply(body=Subscriptions(subscriptions=[_shown(it) for it in page], next=following))


@routes.operation(
    "POST",
    "/users/{user}/ical-subscriptions",
    returns=Subscription,
    status=201,
    refuses=(409,),
    creates=True,
    versioned=True,
)
def create_subscription(call: Call, user: Username, body: SubscriptionGiven) -> Reply:
    """Subscribe a user to a calendar. The first import follows within a minute."""
    made = subscriptions.add(
        call.connection,
        call.keyring,
        _owner(call, user),
        body.url,
        body.label,
        credentials=credentials_of(body.credentials),
        policy=Policy(busy=body.busy, tentative=body.tentative, visibility=body.visibility),
        time_zone=body.time_zone,
        admit=importing.admission(call.settings),
        actor=call.actor,
    )
    return Reply(body=_shown(made), etag=_etag(made), location=f"/users/{user}/ical-subscriptions/{made.id}")


@routes.operation(
    "GET", "/users/{user}/ical-subscriptions/{subscription_id}", returns=Subscription, versioned=True
)
def get_subscription(call: Call, user: Username, subscription_id: Id) -> Reply:
    """Show a subscription."""
    found = subscription(call, user, subscription_id)
    return Reply(body=_shown(found), etag=_etag(found))


@routes.operation(
    "PATCH", "/users/{user}/ical-subscriptions/{subscription_id}", returns=Subscription, versioned=True
)
def change_subscription(call: Call, user: Username, subscription_id: Id, body: SubscriptionChange) -> Reply:
    """Change, pause or resume a subscription.

    A change of busy, tentative or visibility counts at once, without a fetch.
    """
    found = subscription(call, user, subscription_id)
    call.require_current(_etag(found))
    given = body.model_fields_set
    names = ("label", "url", "busy", "tentative", "visibility")
    changes = Changes(
        **{name: getattr(body, name) for name in names if name in given},
        credentials=credentials_of(body.credentials),
        no_credentials="credentials" in given and body.credentials is None,
        time_zone=body.time_zone,
        user_zone="time_zone" in given and body.time_zone is None,
    )
    subscriptions.change(
        call.connection,
        call.keyring,
        found.id,
        changes,
        admit=importing.admission(call.settings),
        actor=call.actor,
    )
    if "status" in given:
        change = subscriptions.pause if body.status == "paused" else subscriptions.resume
        change(call.connection, found.id, actor=call.actor)
    changed = subscriptions.get(call.connection, found.id, actor=call.actor)
    return Reply(body=_shown(changed), etag=_etag(changed))


@routes.operation("DELETE", "/users/{user}/ical-subscriptions/{subscription_id}", versioned=True)
def delete_subscription(call: Call, user: Username, subscription_id: Id, query: RemovalQuery) -> Reply:
    """End a subscription.

    Its events stay as a detached calendar and still block. With `events=delete` they go.
    """
    found = subscription(call, user, subscription_id)
    call.require_current(_etag(found))
    subscriptions.remove(call.connection, found.id, events=query.events, actor=call.actor)
    return Reply()


@routes.operation(
    "POST",
    "/users/{user}/ical-subscriptions/{subscription_id}/sync",
    returns=Subscription,
    status=202,
    refuses=(422,),
)
def sync_subscription(call: Call, user: Username, subscription_id: Id) -> Reply:
    """Fetch a calendar as soon as possible.

    A sync that is already queued or running is not requested again. Between two requested syncs lie at least
    `subscriptions.sync_seconds`. A server that sent Retry-After is left alone until then. The answer is 202 at once;
    `sync` says how far it is.
    """
    found = subscription(call, user, subscription_id)
    wait = stored.effective(call.connection, call.settings.config).subscriptions.sync_seconds
    subscriptions.request_sync(call.connection, found.id, wait=wait, actor=call.actor)
    return Reply(body=_shown(subscriptions.get(call.connection, found.id, actor=call.actor)))


def subscription(call: Call, user: str, subscription_id: int) -> StoredSubscription:
    """The subscription at this address, if the caller may manage it. Raises `Forbidden`, `NotFound`."""
    user_id = _owner(call, user)
    found = subscriptions.get(call.connection, subscription_id, actor=call.actor)
    if found.user_id != user_id:
        raise NotFound(f"There is no subscription {subscription_id} of this user.")
    return found


def _owner(call: Call, user: str) -> int:
    return owner(call, user, Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_OWN).id


def credentials_of(given: CredentialsGiven | None) -> Credentials | None:
    """What is given, as it is kept."""
    return None if given is None else Credentials(kind=given.kind, name=given.name, secret=given.secret)


def _etag(it: StoredSubscription) -> str:
    policy = (it.policy.busy, it.policy.tentative, it.policy.visibility)
    return etag_of(it.id, it.label, it.status, it.host, it.has_credentials, policy, it.time_zone)


def _shown(it: StoredSubscription) -> Subscription:
    return Subscription(
        id=it.id,
        etag=_etag(it),
        calendar_id=it.calendar_id,
        label=it.label,
        host=it.host,
        has_credentials=it.has_credentials,
        busy=it.policy.busy,
        tentative=it.policy.tentative,
        visibility=it.policy.visibility,
        time_zone=it.time_zone,
        status=it.status,
        reason=it.reason,
        message=it.message,
        last_attempt_at=it.last_attempt_at,
        last_success_at=it.last_success_at,
        next_at=it.next_at,
        sync=Sync(
            state=it.sync.state,  # type: ignore[arg-type]
            requested_at=it.sync.requested_at,
            started_at=it.sync.started_at,
            finished_at=it.sync.finished_at,
            result=it.sync.result,
        ),
        http=it.http,
        report=it.report,
    )
