# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of feeds: what a requested one is, and how people subscribe to one.

A token is found by its keyed hash in one indexed look-up, so that the time it takes says nothing about other tokens.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select, update

from scheduling.access.secrets import Keyring
from scheduling.feeds.options import FeedOptions
from scheduling.feeds.text import uid_key
from scheduling.models import Calendar, FeedToken, User
from scheduling.models import Feed as FeedRow

LONGEST_URL = 100
"""Characters; Google ignores longer links without a word."""


class LinkState(enum.Enum):
    """What a requested link is. A `REPLACED` one says so for a while before it is `GONE`."""

    CURRENT = "current"
    REPLACED = "replaced"
    UNKNOWN = "unknown"
    GONE = "gone"
    NO_ACCESS = "no access"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """The outcome of looking a token up; the rest is only set for a current or replaced link.

    `replaced_at` and `ends_at` (epoch seconds) are when a replaced link was replaced and when it will be gone;
    `key` makes UIDs that only this feed has.
    """

    state: LinkState
    feed_id: int = 0
    user_id: int = 0
    changed_at: int = 0
    options: FeedOptions = field(default_factory=FeedOptions)
    replaced_at: int = 0
    ends_at: int = 0
    key: bytes = field(default=b"", repr=False)


OPTIONS = tuple(getattr(FeedRow, option.name) for option in fields(FeedOptions))
"""The columns that `options_of` reads: each option has one of its name."""
_LINK = (
    select(
        FeedRow.id,
        FeedRow.user_id,
        FeedRow.changed_at,
        FeedRow.revoked_at,
        *OPTIONS,
        FeedToken.replaced_at,
        FeedToken.ends_at,
        User.active,
        User.calendar_access,
    )
    .select_from(FeedToken)
    .join(FeedRow, FeedRow.id == FeedToken.feed_id)
    .join(User, User.id == FeedRow.user_id)
    .where(FeedToken.lookup == bindparam("lookup"))
)


def path_of(token: str) -> str:
    """The path of a feed's link."""
    return f"/feeds/{token}.ics"


def find_link(connection: Connection, keyring: Keyring, token: str, now: datetime | None = None) -> Link:
    """What a requested token is: one statement."""
    row = connection.execute(_LINK, {"lookup": keyring.lookup(token)}).first()
    if row is None:
        return Link(state=LinkState.UNKNOWN)
    now = datetime.now(UTC) if now is None else now
    expired = row.expires_at is not None and row.expires_at <= now
    replaced = row.replaced_at is not None
    if row.revoked_at is not None or expired or (replaced and (row.ends_at is None or row.ends_at <= now)):
        return Link(state=LinkState.GONE)
    if not (row.active and row.calendar_access):
        return Link(state=LinkState.NO_ACCESS)
    return Link(
        state=LinkState.REPLACED if replaced else LinkState.CURRENT,
        feed_id=row.id,
        user_id=row.user_id,
        changed_at=row.changed_at,
        options=options_of(row),
        replaced_at=int(row.replaced_at.timestamp()) if replaced else 0,
        ends_at=int(row.ends_at.timestamp()) if replaced else 0,
        key=uid_key(keyring, row.id),
    )


def touch(connection: Connection, user_id: int) -> None:
    """Move the Last-Modified of the user's feeds, before something they show goes without leaving a trace."""
    now = int(time.time())
    connection.execute(update(FeedRow).where(FeedRow.user_id == user_id).values(changed_at=later(now)))


def later(moment: int) -> ColumnElement[int]:
    """`moment`, or a second after the last change of anything the feed may show: entity tags and Last-Modified go by
    this number, so it has to rise even where two changes share a second.
    """
    newest = (
        select(func.max(Calendar.changed_at)).where(Calendar.user_id == FeedRow.user_id).scalar_subquery()
    )
    known = case((newest > FeedRow.changed_at, newest), else_=FeedRow.changed_at)
    return case((known >= moment, known + 1), else_=moment)


def options_of(row: object) -> FeedOptions:
    """The options in a row that holds the columns `OPTIONS`."""
    values = {column.key: getattr(row, column.key) for column in OPTIONS}
    return FeedOptions(**{**values, "kinds": tuple(values["kinds"].split(","))})


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscribeLinks:
    """The ways to subscribe to one link. Apple's opens the calendar app; Outlook's open its web page with the link
    filled in; Google's page wants the link to be pasted.
    """

    url: str = field(repr=False)
    webcal: str = field(repr=False)
    apple: str = field(repr=False)
    google: str
    outlook: str = field(repr=False)
    microsoft_365: str = field(repr=False)


def subscribe_links(url: str, name: str) -> SubscribeLinks:
    """The links for the feed at the absolute `url`, which Outlook will call `name`."""
    webcal = urlsplit(url)._replace(scheme="webcal").geturl()
    query = f"url={quote(url, safe='')}&name={quote(name, safe='')}"
    return SubscribeLinks(
        url=url,
        webcal=webcal,
        apple=webcal,
        google="https://calendar.google.com/calendar/r/settings/addbyurl",
        outlook=f"https://outlook.live.com/calendar/0/addfromweb?{query}",
        microsoft_365=f"https://outlook.office.com/calendar/0/addfromweb?{query}",
    )
