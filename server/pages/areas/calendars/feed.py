# SPDX-License-Identifier: GPL-3.0-or-later
"""One link: made, looked at, changed, shown."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.feeds.options import USUAL_KINDS
from server.api.feeds import feeds as api
from server.api.feeds.feeds import Feed, FeedChange, FeedGiven, NewFeed
from server.pages.areas.calendars import cards
from server.pages.areas.calendars.words import kind_names, kinds_for
from server.pages.frame.forms import WHOLE_FORM, FormRefused
from server.pages.frame.routes import Pages
from server.pages.frame.visit import FORM, Visit
from server.pages.words import apps
from server.pages.words.languages import N_, gettext
from server.pages.words.moments import as_moment

pages = Pages(
    area="calendars",
    sentences=(
        N_("The label of a feed must have 1 to 255 characters, for example what it is used for."),
        N_("The expiry of a feed must be in the future."),
        N_("The expiry of a feed must be between the years 1971 and 2999."),
    ),
)


@pages.get(
    "/calendars/new",
    needs=Permission.FEEDS_CREATE_OWN,
    title=N_("New link"),
    under="/calendars",
    confirmed=True,
)
def new_feed(visit: Visit) -> Response:
    """The form for a new one."""
    usual = {"kinds": USUAL_KINDS, "detail": "full"}
    form = visit.form(FeedGiven, initial=usual, choices={"kinds": kinds_for(visit)})
    return visit.page("calendars/new.html", form=form, kinds=kind_names())


@pages.post("/calendars/new", needs=Permission.FEEDS_CREATE_OWN, again=new_feed, confirmed=True)
def create_feed(visit: Visit) -> Response:
    """Make it and go to its link."""
    given = visit.given(FeedGiven)
    with visit.refusing(beside=_beside(given)):
        made = api.create_feed(visit.call, visit.user.username, given).body
    assert isinstance(made, NewFeed)
    return visit.see(
        f"/calendars/{made.id}/link", gettext("The link is made. Copy it into your calendar app.")
    )


@pages.get(
    "/calendars/<int:feed_id>", needs=Permission.FEEDS_VIEW_OWN, title=N_("One link"), under="/calendars"
)
def feed(visit: Visit, feed_id: int) -> Response:
    """What it shows, who fetched it, and what can be done with it."""
    card = cards.one(visit, feed_id)
    form = visit.form(FeedGiven, initial=card.feed, choices={"kinds": kinds_for(visit, *card.feed.kinds)})
    return visit.page("calendars/feed.html", card=card, form=form, kinds=kind_names(), apps=apps)


@pages.post("/calendars/<int:feed_id>", needs=Permission.FEEDS_CREATE_OWN, again=feed)
def change_feed(visit: Visit, feed_id: int) -> Response:
    """Change the label or what it shows; the link stays."""
    username = visit.user.username
    present = api.get_feed(visit.call, username, feed_id).body
    assert isinstance(present, Feed)
    given = visit.given(FeedGiven)
    if visit.typed.get("etag", present.etag) != present.etag:
        raise FormRefused(
            FORM,
            {
                WHOLE_FORM: gettext(
                    "It was changed meanwhile. Save again to keep what stands here, or open the page anew to see"
                    " the change."
                )
            },
            status=HTTPStatus.CONFLICT,
        )
    with visit.refusing(beside=_beside(given)):
        api.change_feed(visit.call, username, feed_id, FeedChange.model_validate(_changes(given, present)))
    return visit.see(
        f"/calendars/{feed_id}", gettext("Saved. Apps show it as soon as they fetch the link again.")
    )


@pages.get(
    "/calendars/<int:feed_id>/link",
    needs=Permission.FEEDS_VIEW_OWN,
    title=N_("The link"),
    under="/calendars",
    confirmed=True,
)
def feed_link(visit: Visit, feed_id: int) -> Response:
    """The link, the ways to subscribe to it, and its QR code."""
    [card] = cards.opened(visit, [cards.one(visit, feed_id)])
    return visit.page("calendars/link.html", card=card)


def _beside(given: FeedGiven) -> str:
    """The field that the rest is about which only storing it finds."""
    return "expires_at" if given.label.strip() else "label"


def _changes(given: FeedGiven, present: Feed) -> Mapping[str, Any]:
    """What was typed, but an expiry that is the present one: the form has no seconds."""
    found = given.model_dump()
    if given.expires_at is not None and present.expires_at is not None:
        typed = as_moment(given.expires_at)
        if typed == present.expires_at.replace(second=0, microsecond=0):
            del found["expires_at"]
    return found
