# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a link: a new one in its place, none at all, new ones for all. Each asks first and says which apps stop."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.settings import stored
from server.api.feeds import feeds as api
from server.api.feeds.feeds import Regeneration, ResetLinks
from server.pages.areas.calendars import cards
from server.pages.areas.calendars.cards import Card, State
from server.pages.frame.errors import Stop
from server.pages.frame.routes import Pages
from server.pages.frame.visit import Visit
from server.pages.words import apps
from server.pages.words.languages import N_, gettext, ngettext

pages = Pages(area="calendars")
_OVERLAPS = (0, 24, 168, 720)
"""Hours."""
MOST_NAMED = 50
"""Links whose apps a page names before all of them get new links."""


@pages.get(
    "/calendars/<int:feed_id>/replace",
    needs=Permission.FEEDS_CREATE_OWN,
    title=N_("Replace a link"),
    under="/calendars",
    confirmed=True,
)
def replace_form(visit: Visit, feed_id: int) -> Response:
    """Says what stops, and asks for how long the old link tells so."""
    card = _living(visit, feed_id)
    usual = stored.effective(visit.connection, visit.settings.config).feeds.overlap_hours
    hours = sorted({*_OVERLAPS, usual})
    form = visit.form(
        Regeneration,
        initial={"overlap_hours": usual},
        choices={"overlap_hours": [str(it) for it in hours]},
    )
    names = {str(it): _length(it) for it in hours}
    return visit.page("calendars/replace.html", card=card, form=form, names=names, apps=apps)


@pages.post(
    "/calendars/<int:feed_id>/replace", needs=Permission.FEEDS_CREATE_OWN, again=replace_form, confirmed=True
)
def replace(visit: Visit, feed_id: int) -> Response:
    """Make the new link and go to it."""
    given = visit.given(Regeneration)
    api.regenerate_feed(visit.call, visit.user.username, feed_id, given)
    said = gettext("This is the new link. Put it where the old one was.")
    return visit.see(f"/calendars/{feed_id}/link", said)


@pages.get(
    "/calendars/<int:feed_id>/end",
    needs=Permission.FEEDS_CREATE_OWN,
    title=N_("End a link"),
    under="/calendars",
)
def end_form(visit: Visit, feed_id: int) -> Response:
    """Says what stops."""
    return visit.page("calendars/end.html", card=_living(visit, feed_id), apps=apps)


@pages.post("/calendars/<int:feed_id>/end", needs=Permission.FEEDS_CREATE_OWN, again=end_form)
def end(visit: Visit, feed_id: int) -> Response:
    """End it."""
    api.revoke_feed(visit.call, visit.user.username, feed_id)
    return visit.see("/calendars", gettext("The link is ended; nobody can read it any more."))


@pages.get(
    "/calendars/reset",
    needs=Permission.FEEDS_CREATE_OWN,
    title=N_("Replace all links"),
    under="/calendars",
    confirmed=True,
)
def reset_form(visit: Visit) -> Response:
    """Says what stops."""
    found, _ = cards.every(visit)
    live = [it for it in found if it.state is not State.ENDED]
    return visit.page(
        "calendars/reset.html", listed=live[:MOST_NAMED], more=len(live[MOST_NAMED:]), apps=apps
    )


@pages.post("/calendars/reset", needs=Permission.FEEDS_CREATE_OWN, again=reset_form, confirmed=True)
def reset(visit: Visit) -> Response:
    """Replace them all and show the new ones."""
    made = api.reset_feeds(visit.call, visit.user.username).body
    assert isinstance(made, ResetLinks)
    said = ngettext("%(num)s link is new.", "%(num)s links are new.", made.feeds)
    return visit.see("/calendars/links", said)


def _living(visit: Visit, feed_id: int) -> Card:
    card = cards.one(visit, feed_id)
    if card.state is State.ENDED:
        raise Stop(HTTPStatus.GONE, gettext("This link is ended already. Make a new one."))
    return card


def _length(hours: int) -> str:
    if hours == 0:
        return gettext("Not at all: it stops at once")
    if hours % 24:
        return ngettext("For %(num)s hour", "For %(num)s hours", hours)
    return ngettext("For %(num)s day", "For %(num)s days", hours // 24)
