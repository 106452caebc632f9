# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret .ics feeds: their links, and what a link shows.

A link's token is found by its keyed hash and kept encrypted only while it is current, so that its owner can be shown
the link again; a replaced or revoked one stays known by its hash alone and answers 410.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from scheduling import objects
from scheduling.calendars import CalendarState
from scheduling.errors import Invalid, NotFound
from scheduling.ical import text
from scheduling.models import Feed as FeedRow
from scheduling.models import FeedToken, User
from scheduling.secrets import Keyring, new_token

REFRESH_SECONDS = 1800


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A feed without its link."""

    id: int
    user_id: int
    label: str
    created_at: datetime
    revoked_at: datetime | None


class LinkState(enum.Enum):
    """What a requested link is."""

    CURRENT = "current"
    UNKNOWN = "unknown"
    GONE = "gone"
    NO_ACCESS = "no access"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """The outcome of looking a token up; the ids are only set for a current link."""

    state: LinkState
    feed_id: int = 0
    user_id: int = 0
    changed_at: int = 0


_FEED = (FeedRow.id, FeedRow.user_id, FeedRow.label, FeedRow.created_at, FeedRow.revoked_at)
_LINK = (
    select(
        FeedRow.id,
        FeedRow.user_id,
        FeedRow.changed_at,
        FeedRow.revoked_at,
        FeedToken.replaced_at,
        User.active,
        User.calendar_access,
    )
    .select_from(FeedToken)
    .join(FeedRow, FeedRow.id == FeedToken.feed_id)
    .join(User, User.id == FeedRow.user_id)
    .where(FeedToken.lookup == bindparam("lookup"))
)


def create(connection: Connection, keyring: Keyring, user_id: int, label: str) -> tuple[Feed, str]:
    """A new feed over all of the user's calendars, and its token. Raises `Invalid` for an empty or long label."""
    if not 1 <= len(label.strip()) <= 255:
        raise Invalid("The label of a feed has 1 to 255 characters, for example what it is used for.")
    now = datetime.now(UTC)
    feed_id = connection.execute(
        insert(FeedRow)
        .values(user_id=user_id, label=label.strip(), created_at=now, changed_at=int(now.timestamp()))
        .returning(FeedRow.id)
    ).scalar_one()
    return get(connection, feed_id), _issue(connection, keyring, feed_id, now)


def get(connection: Connection, feed_id: int) -> Feed:
    """Raises `NotFound`."""
    row = connection.execute(select(*_FEED).where(FeedRow.id == feed_id)).first()
    if row is None:
        raise NotFound(f"There is no feed {feed_id}; `daysheet feed list` shows them.")
    return _feed(row)


def list_feeds(connection: Connection, user_id: int | None = None) -> list[Feed]:
    """The feeds of one user or of all, oldest first, revoked ones too."""
    statement = select(*_FEED).order_by(FeedRow.id)
    if user_id is not None:
        statement = statement.where(FeedRow.user_id == user_id)
    return [_feed(row) for row in connection.execute(statement)]


def show(connection: Connection, keyring: Keyring, feed_id: int) -> str:
    """The feed's current token. Raises `NotFound` for no such feed or a revoked one, `SecretsUnreadable`."""
    get(connection, feed_id)
    encrypted = connection.scalar(
        select(FeedToken.encrypted).where(FeedToken.feed_id == feed_id, FeedToken.replaced_at.is_(None))
    )
    if encrypted is None:
        raise NotFound(f"Feed {feed_id} is revoked and has no link; create a new feed.")
    return keyring.decrypt(encrypted)


def regenerate(connection: Connection, keyring: Keyring, feed_id: int) -> str:
    """A new token; the old link answers 410 from now on. Raises `NotFound` for no such feed or a revoked one."""
    if get(connection, feed_id).revoked_at is not None:
        raise NotFound(f"Feed {feed_id} is revoked and has no link; create a new feed.")
    now = datetime.now(UTC)
    _retire(connection, feed_id, now)
    return _issue(connection, keyring, feed_id, now)


def revoke(connection: Connection, feed_id: int) -> None:
    """End the feed; its link answers 410 from now on. Raises `NotFound`."""
    get(connection, feed_id)
    now = datetime.now(UTC)
    _retire(connection, feed_id, now)
    connection.execute(
        update(FeedRow).where(FeedRow.id == feed_id, FeedRow.revoked_at.is_(None)).values(revoked_at=now)
    )


def path_of(token: str) -> str:
    """The path of a feed's link."""
    return f"/feeds/{token}.ics"


def find_link(connection: Connection, keyring: Keyring, token: str) -> Link:
    """What a requested token is: one statement."""
    row = connection.execute(_LINK, {"lookup": keyring.lookup(token)}).first()
    if row is None:
        return Link(state=LinkState.UNKNOWN)
    if row.revoked_at is not None or row.replaced_at is not None:
        return Link(state=LinkState.GONE)
    if not (row.active and row.calendar_access):
        return Link(state=LinkState.NO_ACCESS)
    return Link(state=LinkState.CURRENT, feed_id=row.id, user_id=row.user_id, changed_at=row.changed_at)


def etag(link: Link, calendars: Sequence[CalendarState]) -> str:
    """A strong entity tag from revisions, cutoff and what the head shows; no object is read for it."""
    parts = [str(link.feed_id), str(link.changed_at)]
    parts += [
        f"{it.id}/{it.revision}/{it.cutoff}/{it.color}/{it.owner.name}/{it.owner.time_zone}"
        for it in calendars
    ]
    return f'"{blake2b("|".join(parts).encode(), digest_size=16).hexdigest()}"'


def last_modified(link: Link, calendars: Sequence[CalendarState]) -> int:
    """Epoch seconds; only rises: the last change of feed or calendar, or the day the window last moved."""
    return max(link.changed_at, *(max(it.changed_at, it.moved_at) for it in calendars))


def render(connection: Connection, link: Link, calendars: Sequence[CalendarState]) -> str:
    """The whole feed (RFC 5545, RFC 7986): every member of `calendars`, assembled from stored text."""
    owner = calendars[0].owner
    zones, components = objects.whole(connection, [it.id for it in calendars], calendars[0].cutoff)
    name = text.escape(owner.name)
    modified = text.utc(last_modified(link, calendars))
    head = [
        text.line("METHOD", "PUBLISH"),
        text.line("NAME", name),
        text.line("X-WR-CALNAME", name),
        text.line("X-WR-TIMEZONE", text.escape(owner.time_zone)),
        text.line("COLOR", "steelblue"),
        text.line("X-APPLE-CALENDAR-COLOR", calendars[0].color[:7]),
        text.line("REFRESH-INTERVAL", f"PT{REFRESH_SECONDS // 60}M", params=";VALUE=DURATION"),
        text.line("X-PUBLISHED-TTL", f"PT{REFRESH_SECONDS // 60}M"),
        text.line("LAST-MODIFIED", modified),
    ]
    return objects.HEAD + "".join(head) + zones + components + objects.TAIL


def http_date(moment: int) -> str:
    """An HTTP-date (RFC 9110, section 5.6.7)."""
    return formatdate(moment, usegmt=True)


def _issue(connection: Connection, keyring: Keyring, feed_id: int, now: datetime) -> str:
    token = new_token()
    connection.execute(
        insert(FeedToken).values(
            lookup=keyring.lookup(token), feed_id=feed_id, encrypted=keyring.encrypt(token), created_at=now
        )
    )
    return token


def _retire(connection: Connection, feed_id: int, now: datetime) -> None:
    connection.execute(
        update(FeedToken)
        .where(FeedToken.feed_id == feed_id, FeedToken.replaced_at.is_(None))
        .values(replaced_at=now, encrypted=None)
    )


def _feed(row: Row[*tuple[Any, ...]]) -> Feed:
    return Feed(**row._asdict())
