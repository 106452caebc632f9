# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret .ics feeds: made, changed, given new links, and ended.

A link's token is found by its keyed hash and kept encrypted only while it is current, so that its owner can be shown
the link again; a replaced or revoked one stays known by its hash alone. Every act is in the audit log. An `actor`
needs `feeds.manage_all`, or the permission for his own feeds: without it `Forbidden` is raised, and for the id of
somebody else's feed `NotFound`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select
from sqlalchemy import update as sql_update

from scheduling.access import audit
from scheduling.access.authority import over_belongings
from scheduling.access.permissions import SYSTEM, Actor, Forbidden, Permission, permits, require
from scheduling.access.secrets import Keyring, new_token
from scheduling.errors import Invalid, NotFound
from scheduling.feeds.links import OPTIONS, later, options_of, path_of
from scheduling.feeds.options import FeedOptions
from scheduling.models import Delivery, FeedToken, User
from scheduling.models import Feed as FeedRow
from scheduling.webhooks.feeds import emit_regenerated

__all__ = [
    "Feed",
    "FeedOptions",
    "create",
    "get",
    "list_feeds",
    "path_of",
    "regenerate",
    "reset_all",
    "reveal",
    "reveal_several",
    "revoke",
    "show",
    "update",
]

LONGEST_OVERLAP = 720
"""Hours; thirty days."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A feed without its link. `last_fetched_at` is when a client last asked for it, as far as is noted."""

    id: int
    user_id: int
    label: str
    options: FeedOptions
    created_at: datetime
    revoked_at: datetime | None
    last_fetched_at: datetime | None

    @property
    def expires_at(self) -> datetime | None:
        """From when on the link answers 410."""
        return self.options.expires_at


_LAST_FETCHED = (
    select(func.max(Delivery.last_at))
    .where(
        and_(Delivery.user_id == FeedRow.user_id, Delivery.source == "feed", Delivery.source_id == FeedRow.id)
    )
    .scalar_subquery()
)
_FEED = (
    FeedRow.id,
    FeedRow.user_id,
    FeedRow.label,
    FeedRow.created_at,
    FeedRow.revoked_at,
    *OPTIONS,
    _LAST_FETCHED.label("last_fetched"),
)


def create(
    connection: Connection,
    keyring: Keyring,
    user_id: int,
    label: str,
    options: FeedOptions | None = None,
    *,
    actor: Actor,
) -> tuple[Feed, str]:
    """A new feed of the user and its token. Raises `Invalid` for an empty or long label or an expiry that is past,
    `NotFound` for no such user.
    """
    _require(actor, user_id, own=Permission.FEEDS_CREATE_OWN)
    over_belongings(connection, user_id, actor=actor)
    now = datetime.now(UTC)
    options = FeedOptions() if options is None else options
    _require_future(options, now)
    username = connection.scalar(select(User.username).where(User.id == user_id))
    if username is None:
        raise NotFound(f"There is no user with the id {user_id}.")
    feed_id = connection.execute(
        insert(FeedRow)
        .values(
            user_id=user_id,
            label=_label(label),
            created_at=now,
            changed_at=int(now.timestamp()),
            **_columns(options),
        )
        .returning(FeedRow.id)
    ).scalar_one()
    audit.record(
        connection, "feed.create", f"feed:{feed_id}", user=username, detail=options.detail, actor=actor
    )
    return _get(connection, feed_id), _issue(connection, keyring, feed_id, now)


def get(
    connection: Connection, feed_id: int, *, own: Permission = Permission.FEEDS_VIEW_OWN, actor: Actor
) -> Feed:
    """One feed; `own` is what its owner needs for what is to be done with it. Raises `Forbidden`, `NotFound`."""
    return _visible(_get(connection, feed_id), actor, own)


def list_feeds(connection: Connection, user_id: int | None = None, *, actor: Actor) -> list[Feed]:
    """The feeds of one user or of all, oldest first, revoked ones too."""
    _require(actor, user_id, own=Permission.FEEDS_VIEW_OWN)
    statement = select(*_FEED).order_by(FeedRow.id)
    if user_id is not None:
        statement = statement.where(FeedRow.user_id == user_id)
    return [_feed(row) for row in connection.execute(statement)]


def show(connection: Connection, keyring: Keyring, feed_id: int) -> str:
    """The feed's current token, for a read transaction; `reveal` also checks and notes who was shown it. Raises
    `NotFound` for no such feed or a revoked one, `SecretsUnreadable`.
    """
    _get(connection, feed_id)
    encrypted = connection.scalar(
        select(FeedToken.encrypted).where(FeedToken.feed_id == feed_id, FeedToken.replaced_at.is_(None))
    )
    if encrypted is None:
        raise NotFound(f"Feed {feed_id} is revoked and has no link; create a new feed.")
    return keyring.decrypt(encrypted)


def reveal(connection: Connection, keyring: Keyring, feed_id: int, *, actor: Actor) -> str:
    """As `show`, with permission and in the audit log: inside a write transaction."""
    over_belongings(connection, get(connection, feed_id, actor=actor).user_id, actor=actor)
    token = show(connection, keyring, feed_id)
    audit.record(connection, "feed.show", f"feed:{feed_id}", actor=actor)
    return token


def reveal_several(
    connection: Connection, keyring: Keyring, user_id: int, feed_ids: Iterable[int], *, actor: Actor
) -> dict[int, str]:
    """As `reveal` for feeds of one user, by id; those that are revoked or somebody else's are left out. Three
    statements at most, however many there are. Raises `Forbidden`, `SecretsUnreadable`.
    """
    _require(actor, user_id, own=Permission.FEEDS_VIEW_OWN)
    over_belongings(connection, user_id, actor=actor)
    rows = connection.execute(
        select(FeedToken.feed_id, FeedToken.encrypted)
        .join(FeedRow, FeedRow.id == FeedToken.feed_id)
        .where(FeedRow.user_id == user_id, FeedRow.id.in_(list(feed_ids)), FeedToken.replaced_at.is_(None))
        .order_by(FeedToken.feed_id)
    )
    tokens = {it.feed_id: keyring.decrypt(it.encrypted) for it in rows if it.encrypted is not None}
    audit.record_each(connection, "feed.show", [f"feed:{it}" for it in tokens], actor=actor)
    return tokens


def update(
    connection: Connection,
    feed_id: int,
    *,
    label: str | None = None,
    options: FeedOptions | None = None,
    actor: Actor,
) -> Feed:
    """Give the feed another label or other options; its link stays. Raises `NotFound` for no such feed or a revoked
    one, `Invalid`.
    """
    feed = _manageable(connection, feed_id, actor)
    now = datetime.now(UTC)
    if options is not None and options.expires_at != feed.expires_at:
        _require_future(options, now)
    values: dict[str, Any] = {} if label is None else {"label": _label(label)}
    if options is not None and options != feed.options:
        values |= _columns(options)
        values["changed_at"] = later(int(now.timestamp()))
    if values:
        connection.execute(sql_update(FeedRow).where(FeedRow.id == feed_id).values(**values))
        changed = sorted(name for name in values if name != "changed_at")
        audit.record(connection, "feed.update", f"feed:{feed_id}", changed=", ".join(changed), actor=actor)
    return _get(connection, feed_id)


def regenerate(
    connection: Connection, keyring: Keyring, feed_id: int, *, overlap_hours: int = 0, actor: Actor
) -> str:
    """A new token. The old link answers 410 from now on or, with an overlap, first says for that many hours that it
    was replaced. Raises `NotFound` for no such feed or a revoked one, `Invalid`.
    """
    if isinstance(overlap_hours, bool) or not 0 <= overlap_hours <= LONGEST_OVERLAP:
        raise Invalid(f"The overlap must be a whole number of hours from 0 to {LONGEST_OVERLAP}.")
    _manageable(connection, feed_id, actor)
    now = datetime.now(UTC)
    ends_at = now + timedelta(hours=overlap_hours) if overlap_hours else None
    _retire(connection, feed_id, now, ends_at)
    audit.record(
        connection, "feed.regenerate", f"feed:{feed_id}", overlap_hours=overlap_hours or None, actor=actor
    )
    emit_regenerated(connection, feed_id, overlap_hours)
    return _issue(connection, keyring, feed_id, now)


def reset_all(connection: Connection, keyring: Keyring, user_id: int, *, actor: Actor) -> int:
    """New links for all of the user's feeds; every old one, those in an overlap too, answers 410 from now on. Returns
    how many feeds have a new link.
    """
    _require(actor, user_id, own=Permission.FEEDS_CREATE_OWN)
    over_belongings(connection, user_id, actor=actor)
    now = datetime.now(UTC)
    count = 0
    # Whoever may renew the links needs no permission to see them.
    for feed in list_feeds(connection, user_id, actor=SYSTEM):
        connection.execute(
            sql_update(FeedToken)
            .where(FeedToken.feed_id == feed.id, FeedToken.ends_at > now)
            .values(ends_at=now)
        )
        if feed.revoked_at is None:
            regenerate(connection, keyring, feed.id, actor=actor)
            count += 1
    return count


def revoke(connection: Connection, feed_id: int, *, actor: Actor) -> None:
    """End the feed; its links answer 410 from now on. Raises `NotFound`."""
    feed = _visible(_get(connection, feed_id), actor, own=Permission.FEEDS_CREATE_OWN)
    over_belongings(connection, feed.user_id, actor=actor)
    if feed.revoked_at is not None:
        return
    now = datetime.now(UTC)
    _retire(connection, feed_id, now, None)
    connection.execute(sql_update(FeedRow).where(FeedRow.id == feed_id).values(revoked_at=now))
    audit.record(connection, "feed.revoke", f"feed:{feed_id}", actor=actor)


def _require(actor: Actor, user_id: int | None, *, own: Permission) -> None:
    require(Permission.FEEDS_MANAGE_ALL, own=own, owner_id=user_id, actor=actor)


def _visible(feed: Feed, actor: Actor, own: Permission = Permission.FEEDS_VIEW_OWN) -> Feed:
    """The feed, if the actor may do with it what `own` permits with his own ones."""
    if permits(Permission.FEEDS_MANAGE_ALL, own=own, owner_id=feed.user_id, actor=actor):
        return feed
    if feed.user_id != actor.user_id:
        raise _unknown(feed.id)
    raise Forbidden(own)


def _manageable(connection: Connection, feed_id: int, actor: Actor) -> Feed:
    feed = _visible(_get(connection, feed_id), actor, Permission.FEEDS_CREATE_OWN)
    over_belongings(connection, feed.user_id, actor=actor)
    if feed.revoked_at is not None:
        raise NotFound(f"Feed {feed_id} is revoked and has no link; create a new feed.")
    return feed


def _unknown(feed_id: int) -> NotFound:
    return NotFound(f"There is no feed {feed_id}.", noun="feed")


def _get(connection: Connection, feed_id: int) -> Feed:
    # Beyond 64 bits PostgreSQL would refuse the number.
    row = connection.execute(select(*_FEED).where(FeedRow.id == feed_id)).first() if feed_id < 2**63 else None
    if row is None:
        raise _unknown(feed_id)
    return _feed(row)


def _label(label: str) -> str:
    if not 1 <= len(label.strip()) <= 255 or "\x00" in label:
        raise Invalid("The label of a feed must have 1 to 255 characters, for example what it is used for.")
    return label.strip()


def _require_future(options: FeedOptions, now: datetime) -> None:
    if options.expires_at is not None and options.expires_at <= now:
        raise Invalid("The expiry of a feed must be in the future.")


def _columns(options: FeedOptions) -> dict[str, Any]:
    values = {column.key: getattr(options, column.key) for column in OPTIONS}
    return {**values, "kinds": ",".join(options.kinds)}


def _issue(connection: Connection, keyring: Keyring, feed_id: int, now: datetime) -> str:
    token = new_token()
    connection.execute(
        insert(FeedToken).values(
            lookup=keyring.lookup(token), feed_id=feed_id, encrypted=keyring.encrypt(token), created_at=now
        )
    )
    return token


def _retire(connection: Connection, feed_id: int, now: datetime, ends_at: datetime | None) -> None:
    connection.execute(
        sql_update(FeedToken)
        .where(FeedToken.feed_id == feed_id, FeedToken.replaced_at.is_(None))
        .values(replaced_at=now, ends_at=ends_at, encrypted=None)
    )


def _feed(row: Row[*tuple[Any, ...]]) -> Feed:
    last = row.last_fetched
    return Feed(
        id=row.id,
        user_id=row.user_id,
        label=row.label,
        options=options_of(row),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_fetched_at=None if last is None else datetime.fromtimestamp(last, UTC),
    )
