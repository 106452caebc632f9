# SPDX-License-Identifier: GPL-3.0-or-later
"""My calendars: the address for calendar apps with an account, and links for those that subscribe."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.availability import links
from server.pages.areas.calendars import cards
from server.pages.areas.calendars.cards import State
from server.pages.frame.routes import Nav, Pages, Section
from server.pages.frame.visit import Visit
from server.pages.words import apps
from server.pages.words.languages import N_

pages = Pages(area="calendars")
PER_PAGE = 10
MOST_ENDED = 20
"""Ended links that are still named; the newest ones."""
MOST_CALENDARS = 30
"""Calendars whose own address is there to copy. Somebody may import any number."""


@pages.get(
    "/calendars",
    needs=Permission.FEEDS_VIEW_OWN,
    title=N_("My calendars"),
    nav=Nav(section=Section.ME, order=20, label=N_("My calendars")),
)
def calendars(visit: Visit) -> Response:
    """Everything but the links themselves."""
    return _shown(visit, with_links=False)


@pages.get(
    "/calendars/links",
    needs=Permission.FEEDS_VIEW_OWN,
    title=N_("My calendars, with links"),
    under="/calendars",
    confirmed=True,
)
def calendars_with_links(visit: Visit) -> Response:
    """The same with the links."""
    return _shown(visit, with_links=True)


def _shown(visit: Visit, *, with_links: bool) -> Response:
    username = visit.user.username
    found, account = cards.every(visit)
    states = visit.snapshot.calendars(username)
    caldav = [(it.display_name, visit.settings.url(f"/dav/{quote(username)}/{it.slug}/")) for it in states]
    has_free_busy_link = links.exists(visit.connection, visit.user.id)
    live = [it for it in found if it.state is not State.ENDED]
    last = max(1, -(-len(live) // PER_PAGE))
    number = min(max(1, visit.request.args.get("page", 1, type=int)), last)
    shown = live[(number - 1) * PER_PAGE : number * PER_PAGE]
    return visit.page(
        "calendars/calendars.html",
        listed=cards.opened(visit, shown) if with_links else shown,
        with_links=with_links,
        number=number,
        last=last,
        live=len(live),
        ended=[it for it in found if it.state is State.ENDED][:MOST_ENDED],
        busy=[it for it in live if it.feed.detail == "busy" and it.state is State.WORKS][:1],
        has_free_busy_link=has_free_busy_link,
        account=account,
        caldav=caldav[:MOST_CALENDARS],
        more_caldav=len(caldav[MOST_CALENDARS:]),
        apps=apps,
    )
