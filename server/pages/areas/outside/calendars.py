# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of one's outside calendars: how each is, fetch now, pause and go on."""

from __future__ import annotations

from flask import Response

from scheduling.access.permissions import Permission
from server.api.subscriptions import generations, subscriptions
from server.api.subscriptions.subscriptions import SubscriptionChange, SubscriptionQuery
from server.pages.areas.outside import status
from server.pages.frame.routes import Nav, Pages, Section
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_, gettext

pages = Pages(
    area="outside",
    sentences=(N_("Subscription {id} is paused; resume it first."),),
)
OWN = Permission.SUBSCRIPTIONS_MANAGE_OWN
_MOST = 200


@pages.get(
    "/outside",
    needs=OWN,
    title=N_("Outside calendars"),
    nav=Nav(section=Section.ME, order=50, label=N_("Outside calendars")),
)
def outside(visit: Visit) -> Response:
    """The list, and what stayed of ended ones."""
    listed = subscriptions.list_subscriptions(
        visit.call, visit.user.username, SubscriptionQuery(limit=_MOST)
    ).body
    assert isinstance(listed, subscriptions.Subscriptions)
    detached = generations.list_detached_calendars(visit.call, visit.user.username).body
    assert isinstance(detached, generations.DetachedCalendars)
    return visit.page(
        "outside/outside.html",
        listed=listed.subscriptions,
        detached=detached.detached_calendars,
        how=status,
    )


@pages.post("/outside/<int:subscription_id>/sync", needs=OWN, again=outside)
def sync(visit: Visit, subscription_id: int) -> Response:
    """Fetch it soon."""
    with visit.refusing():
        subscriptions.sync_subscription(visit.call, visit.user.username, subscription_id)
    return visit.see("/outside", gettext("It is fetched within a minute, or as soon as its server permits."))


@pages.post("/outside/<int:subscription_id>/pause", needs=OWN, again=outside)
def pause(visit: Visit, subscription_id: int) -> Response:
    """Fetch it no more for now."""
    change = SubscriptionChange(status="paused")
    subscriptions.change_subscription(visit.call, visit.user.username, subscription_id, change)
    return visit.see("/outside", gettext("The calendar is paused."))


@pages.post("/outside/<int:subscription_id>/resume", needs=OWN, again=outside)
def resume(visit: Visit, subscription_id: int) -> Response:
    """Fetch it again."""
    change = SubscriptionChange(status="active")
    subscriptions.change_subscription(visit.call, visit.user.username, subscription_id, change)
    return visit.see("/outside", gettext("The calendar is fetched again."))


@pages.post("/outside/<int:subscription_id>/discard", needs=OWN, again=outside)
def discard(visit: Visit, subscription_id: int) -> Response:
    """Remove what stayed of an ended one."""
    generations.delete_detached_calendar(visit.call, visit.user.username, subscription_id)
    return visit.see("/outside", gettext("Its events are removed and block no longer."))
