# SPDX-License-Identifier: GPL-3.0-or-later
"""Links as pages show them: what each shows, who fetched it, and, where it is asked for, the link itself with its QR
code. A link is a secret: showing it is in the audit log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum

import segno

from scheduling.feeds import feeds
from scheduling.feeds.links import LONGEST_URL
from server.api.feeds import deliveries
from server.api.feeds import feeds as api
from server.api.feeds.deliveries import Deliveries, Delivery
from server.api.feeds.feeds import Feed, FeedLink, Feeds
from server.pages.areas.calendars.words import summary
from server.pages.frame.visit import Visit


class State(Enum):
    """Whether a link works."""

    WORKS = "works"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A link that is shown. `qr` is a picture of its webcal form as a data URL, `too_long` the number of its characters
    where that is more than Google takes.
    """

    link: FeedLink
    qr: str
    too_long: int | None

    @classmethod
    def of(cls, link: FeedLink) -> Opened:
        """The link, drawn."""
        code = segno.make(link.webcal, error="m", micro=False)
        picture = code.svg_data_uri(
            border=4,
            light="#fff",
            dark="#000",
            omitsize=True,
            svgclass=None,
            lineclass=None,
            omit_charset=True,
            encode_minimal=True,
        )
        return cls(link=link, qr=picture, too_long=len(link.url) if len(link.url) > LONGEST_URL else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One feed of the person; `readers` are the apps that fetched it, the latest first."""

    feed: Feed
    state: State
    shows: Sequence[str]
    readers: Sequence[Delivery]
    opened: Opened | None = None


def every(visit: Visit) -> tuple[list[Card], list[Delivery]]:
    """All feeds of the person, the newest first, and what fetched the calendars over CalDAV. In a snapshot."""
    username = visit.user.username
    listed, delivered = (
        api.list_feeds(visit.call, username).body,
        deliveries.list_deliveries(visit.call, username).body,
    )
    assert isinstance(listed, Feeds)
    assert isinstance(delivered, Deliveries)
    found = [_card(visit, it, delivered.deliveries) for it in reversed(listed.feeds)]
    return found, _latest_first(it for it in delivered.deliveries if it.source == "app-password")


def one(visit: Visit, feed_id: int) -> Card:
    """One of the person's own feeds, in a snapshot. Raises `NotFound`."""
    username = visit.user.username
    feed, delivered = (
        api.get_feed(visit.call, username, feed_id).body,
        deliveries.list_deliveries(visit.call, username).body,
    )
    assert isinstance(feed, Feed)
    assert isinstance(delivered, Deliveries)
    return _card(visit, feed, delivered.deliveries)


def opened(visit: Visit, cards: Sequence[Card]) -> list[Card]:
    """The cards with their links, on a page that answers GET. Ended ones have none."""
    with _noting(visit) as noting:
        call = noting.call
        tokens = feeds.reveal_several(
            call.connection, call.keyring, visit.user.id, [it.feed.id for it in cards], actor=call.actor
        )
    return [
        replace(it, opened=Opened.of(api.link_of(call, it.feed.label, tokens[it.feed.id])))
        if it.feed.id in tokens
        else it
        for it in cards
    ]


@contextmanager
def _noting(visit: Visit) -> Iterator[Visit]:
    """A write transaction of a page that answers GET, for the audit log: noting a request is safe (RFC 9110, section
    9.2.1). The snapshot ends before, so that no request waits for a second connection while it holds one.
    """
    visit.snapshot.close()
    with visit.database.write() as connection:
        yield replace(visit, transaction=connection)


def _card(visit: Visit, feed: Feed, delivered: Iterable[Delivery]) -> Card:
    state = State.WORKS
    if feed.revoked_at is not None:
        state = State.ENDED
    elif feed.expires_at is not None and feed.expires_at <= visit.clock.now:
        state = State.EXPIRED
    readers = (it for it in delivered if (it.source, it.source_id) == ("feed", feed.id))
    return Card(feed=feed, state=state, shows=summary(feed), readers=_latest_first(readers))


def _latest_first(found: Iterable[Delivery]) -> list[Delivery]:
    return sorted(found, key=lambda it: it.last_at, reverse=True)
