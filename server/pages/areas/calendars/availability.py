# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing only when one is busy: a feed without details, and the free-busy link. One click each."""

from __future__ import annotations

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.availability import links
from server.api.availability import free_busy_links
from server.api.availability.free_busy_links import FreeBusyLink
from server.api.feeds import feeds as api
from server.api.feeds.feeds import FeedGiven, NewFeed
from server.pages.areas.calendars.calendars import calendars
from server.pages.frame.routes import Pages
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="calendars")


@pages.post("/calendars/busy", needs=Permission.FEEDS_CREATE_OWN, again=calendars, confirmed=True)
def share_busy(visit: Visit) -> Response:
    """Make a link that shows times and nothing else."""
    given = FeedGiven(label=gettext("When I am busy"), detail="busy")
    made = api.create_feed(visit.call, visit.user.username, given).body
    assert isinstance(made, NewFeed)
    said = gettext("The link is made. It shows when you are busy, and never with what.")
    return visit.see(f"/calendars/{made.id}/link", said)


@pages.get(
    "/calendars/free-busy",
    needs=Permission.FEEDS_VIEW_OWN,
    title=N_("Free-busy link"),
    under="/calendars",
    confirmed=True,
)
def free_busy(visit: Visit) -> Response:
    """The link, if there is one."""
    url = None
    if links.exists(visit.connection, visit.user.id):
        shown = free_busy_links.get_free_busy_link(visit.call, visit.user.username).body
        assert isinstance(shown, FreeBusyLink)
        url = shown.url
    return visit.page("calendars/free_busy.html", address=url)


@pages.post("/calendars/free-busy", needs=Permission.FEEDS_CREATE_OWN, again=free_busy, confirmed=True)
def renew_free_busy(visit: Visit) -> Response:
    """Make it, or a new one in its place."""
    free_busy_links.renew_free_busy_link(visit.call, visit.user.username)
    return visit.see("/calendars/free-busy", gettext("This is your free-busy link."))


@pages.post("/calendars/free-busy/end", needs=Permission.FEEDS_CREATE_OWN, again=free_busy)
def end_free_busy(visit: Visit) -> Response:
    """End it; it may be ended already."""
    if links.exists(visit.connection, visit.user.id):
        free_busy_links.delete_free_busy_link(visit.call, visit.user.username)
    return visit.see("/calendars", gettext("The free-busy link is ended."))
