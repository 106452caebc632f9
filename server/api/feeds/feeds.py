# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/feeds: secret .ics links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from scheduling.access.permissions import Permission
from scheduling.errors import NotFound
from scheduling.feeds import feeds
from scheduling.feeds.feeds import LONGEST_OVERLAP
from scheduling.feeds.feeds import Feed as StoredFeed
from scheduling.feeds.links import subscribe_links
from scheduling.feeds.options import (
    KINDS,
    MOST_DAYS,
    MOST_MINUTES,
    MOST_MONTHS,
    USUAL_KINDS,
    FeedOptions,
)
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.validators import etag_of
from server.api.protocol.values import WHOLE, Given, Id, Moment, Name, Shown, ShownMoment, Username, moment

routes = Routes(
    tag="Feeds",
    about="Secret .ics links for apps that subscribe to an address. Whoever has a link sees what it shows.",
)

if TYPE_CHECKING:
    FeedKind = str
else:
    FeedKind = Literal[KINDS]
Detail = Literal["full", "busy"]
Kinds = Annotated[list[FeedKind], Field(min_length=1, max_length=len(KINDS))]
Months = Annotated[int, Field(ge=0, le=MOST_MONTHS), WHOLE]
Days = Annotated[int, Field(ge=0, le=MOST_DAYS), WHOLE]
Minutes = Annotated[int, Field(ge=0, le=MOST_MINUTES), WHOLE]
_RESTRICTED = " and ".join(it for it in KINDS if it not in USUAL_KINDS)
_OPTIONS = frozenset(FeedOptions.__dataclass_fields__)


def _every_kind() -> list[FeedKind]:
    return list(USUAL_KINDS)


class FeedFields(Given):
    """What a feed shows."""

    kinds: Kinds = Field(
        default_factory=_every_kind,
        description=f"Without it, all but {_RESTRICTED}. These need a role that may read all calendars.",
    )
    detail: Detail = Field(
        default_factory=lambda: "full", description='busy: only times, and "Busy" as the title.'
    )
    history_months: Months | None = Field(
        default=None, description="Null: as many as calendars.history_months."
    )
    future_months: Months | None = Field(default=None, description="Null: no limit.")
    cancelled_days: Days | None = Field(
        default=None,
        description="For how many days cancelled jobs stay, struck through. 0: none stay. Null: as in the "
        "calendars.",
    )
    alarm_minutes: Minutes | None = Field(
        default=None, description="The minutes between an alarm and its item. Null: no alarm."
    )
    expires_at: Moment | None = Field(default=None, description="From this moment on, the link answers 410.")


class FeedGiven(FeedFields):
    """A new feed."""

    label: Name = Field(description="What it is used for.")


class FeedChange(FeedFields):
    """What shall be different; what is left out stays."""

    label: Name = Field(default_factory=str)


class Regeneration(Given):
    """How to replace a link."""

    overlap_hours: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP), WHOLE] = Field(
        default=0,
        description="For how many hours the old link shows one event that says that it was replaced. Then it "
        "answers 410. 0: at once.",
    )


class Feed(Shown):
    """A feed without its link."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    label: str
    kinds: list[str]
    detail: str
    history_months: int | None
    future_months: int | None
    cancelled_days: int | None
    alarm_minutes: int | None
    expires_at: ShownMoment | None
    created_at: ShownMoment
    revoked_at: ShownMoment | None
    last_fetched_at: ShownMoment | None


class FeedLink(Shown):
    """A feed's link, and how apps subscribe to it. It is a secret."""

    url: str
    webcal: str
    apple: str = Field(description="Opens the calendar app.")
    google: str = Field(description="The page in which the user pastes the url.")
    outlook: str
    microsoft_365: str


class NewFeed(Feed):
    """A feed and its link."""

    link: FeedLink


class Feeds(Shown):
    """Every feed of a user, oldest first."""

    feeds: list[Feed]


class ResetLinks(Shown):
    """How many feeds have a new link."""

    feeds: int


@routes.operation("GET", "/users/{user}/feeds", returns=Feeds)
def list_feeds(call: Call, user: Username) -> Reply:
    """List a user's feeds, also revoked ones."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_VIEW_OWN)
    listed = feeds.list_feeds(call.connection, found.id, actor=call.actor)
    return Reply(body=Feeds(feeds=[_shown(it) for it in listed]))


@routes.operation(
    "POST", "/users/{user}/feeds", returns=NewFeed, status=201, refuses=(409,), creates=True, versioned=True
)
def create_feed(call: Call, user: Username, body: FeedGiven) -> Reply:
    """Make a feed, and its link."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_CREATE_OWN)
    options = FeedOptions(**_options(body))
    feed, token = feeds.create(call.connection, call.keyring, found.id, body.label, options, actor=call.actor)
    shown = NewFeed(**dict(_shown(feed)), link=link_of(call, feed.label, token))
    return Reply(body=shown, etag=_etag(feed), location=f"/users/{user}/feeds/{feed.id}")


@routes.operation("POST", "/users/{user}/feeds/reset", returns=ResetLinks)
def reset_feeds(call: Call, user: Username) -> Reply:
    """Give all feeds of a user new links. Every old link answers 410 from now on."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_CREATE_OWN)
    count = feeds.reset_all(call.connection, call.keyring, found.id, actor=call.actor)
    return Reply(body=ResetLinks(feeds=count))


@routes.operation("GET", "/users/{user}/feeds/{feed_id}", returns=Feed, versioned=True)
def get_feed(call: Call, user: Username, feed_id: Id) -> Reply:
    """Show a feed."""
    feed = _feed(call, user, feed_id, Permission.FEEDS_VIEW_OWN)
    return Reply(body=_shown(feed), etag=_etag(feed))


@routes.operation("PATCH", "/users/{user}/feeds/{feed_id}", returns=Feed, versioned=True)
def change_feed(call: Call, user: Username, feed_id: Id, body: FeedChange) -> Reply:
    """Change a feed's label or what it shows. Its link stays."""
    feed = _feed(call, user, feed_id, Permission.FEEDS_CREATE_OWN)
    call.require_current(_etag(feed))
    present = {name: getattr(feed.options, name) for name in _OPTIONS}
    changed = feeds.update(
        call.connection,
        feed.id,
        label=body.label if "label" in body.model_fields_set else None,
        options=FeedOptions(**{**present, **_options(body)}),
        actor=call.actor,
    )
    return Reply(body=_shown(changed), etag=_etag(changed))


@routes.operation("DELETE", "/users/{user}/feeds/{feed_id}", versioned=True)
def revoke_feed(call: Call, user: Username, feed_id: Id) -> Reply:
    """Revoke a feed. Its link answers 410 from now on."""
    feed = _feed(call, user, feed_id, Permission.FEEDS_CREATE_OWN)
    call.require_current(_etag(feed))
    feeds.revoke(call.connection, feed.id, actor=call.actor)
    return Reply()


@routes.operation("POST", "/users/{user}/feeds/{feed_id}/link", returns=FeedLink)
def show_feed_link(call: Call, user: Username, feed_id: Id) -> Reply:
    """Show a feed's link again. The audit log notes who saw it."""
    feed = _feed(call, user, feed_id, Permission.FEEDS_VIEW_OWN)
    token = feeds.reveal(call.connection, call.keyring, feed.id, actor=call.actor)
    return Reply(body=link_of(call, feed.label, token))


@routes.operation(
    "POST", "/users/{user}/feeds/{feed_id}/regenerate", returns=FeedLink, refuses=(409,), creates=True
)
def regenerate_feed(call: Call, user: Username, feed_id: Id, body: Regeneration) -> Reply:
    """Give a feed a new link."""
    feed = _feed(call, user, feed_id, Permission.FEEDS_CREATE_OWN)
    token = feeds.regenerate(
        call.connection, call.keyring, feed.id, overlap_hours=body.overlap_hours, actor=call.actor
    )
    return Reply(body=link_of(call, feed.label, token))


def _feed(call: Call, user: str, feed_id: int, own: Permission) -> StoredFeed:
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, own)
    feed = feeds.get(call.connection, feed_id, own=own, actor=call.actor)
    if feed.user_id != found.id:
        raise NotFound(f"There is no feed {feed_id} of this user.")
    return feed


def _options(body: FeedFields) -> dict[str, Any]:
    given = body.model_dump(include=set(_OPTIONS), exclude_unset=True)
    if "kinds" in given:
        given["kinds"] = tuple(given["kinds"])
    if "expires_at" in given:
        given["expires_at"] = moment(given["expires_at"], "expires_at")
    return given


def _etag(feed: StoredFeed) -> str:
    return etag_of(feed.id, feed.label, repr(feed.options), str(feed.revoked_at))


def link_of(call: Call, label: str, token: str) -> FeedLink:
    """What a feed called `label` is subscribed to with, by its token."""
    links = subscribe_links(call.settings.url(feeds.path_of(token)), label)
    return FeedLink(
        url=links.url,
        webcal=links.webcal,
        apple=links.apple,
        google=links.google,
        outlook=links.outlook,
        microsoft_365=links.microsoft_365,
    )


def _shown(feed: StoredFeed) -> Feed:
    options = {name: getattr(feed.options, name) for name in _OPTIONS}
    return Feed(
        **{**options, "kinds": list(feed.options.kinds)},
        id=feed.id,
        etag=_etag(feed),
        label=feed.label,
        created_at=feed.created_at,
        revoked_at=feed.revoked_at,
        last_fetched_at=feed.last_fetched_at,
    )
