# SPDX-License-Identifier: GPL-3.0-or-later
"""One outside calendar: change it without typing its secrets again, judge a doubted state, go back, end it."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from scheduling.access.permissions import Permission
from server.api.protocol.values import Given, Name, Zone
from server.api.subscriptions import generations, subscriptions
from server.api.subscriptions.generations import Differences, Generation, Generations
from server.api.subscriptions.subscriptions import (
    Busy,
    CredentialsGiven,
    RemovalQuery,
    Subscription,
    SubscriptionChange,
    Tentative,
    Visibility,
)
from server.pages.areas.outside import status
from server.pages.areas.outside.add import words
from server.pages.frame.forms import FormRefused
from server.pages.frame.routes import Pages
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="outside")
OWN = Permission.SUBSCRIPTIONS_MANAGE_OWN
_STATES = {
    "current": N_("shown now"),
    "past": N_("earlier"),
    "quarantined": N_("held back: it differs too much"),
    "rejected": N_("rejected"),
    "withdrawn": N_("withdrawn by its source"),
}


class ChangeGiven(Given):
    """What shall be different. An empty address or secret keeps the one there is."""

    label: Name
    url: str = Field(default="", max_length=4096)
    kind: Literal["keep", "none", "basic", "bearer", "header"] = "keep"
    name: str = Field(default="", max_length=1000)
    secret: str = Field(default="", max_length=1000)
    busy: Busy = "honour"
    tentative: Tentative = "tentative"
    visibility: Visibility = "full"
    time_zone: Zone | None = None

    def change(self) -> SubscriptionChange:
        """As the API takes it."""
        given = self.model_dump(include={"label", "busy", "tentative", "visibility", "time_zone"})
        if self.url:
            given["url"] = self.url
        if self.kind == "none":
            given["credentials"] = None
        elif self.kind != "keep":
            if not self.secret:
                raise FormRefused(FORM, {"secret": gettext("Fill this in.")})
            given["credentials"] = CredentialsGiven(kind=self.kind, name=self.name, secret=self.secret)
        return SubscriptionChange.model_validate(given)


def _subscription(visit: Visit, subscription_id: int) -> Subscription:
    found = subscriptions.get_subscription(visit.call, visit.user.username, subscription_id).body
    assert isinstance(found, Subscription)
    return found


def _generations(visit: Visit, subscription_id: int) -> list[Generation]:
    found = generations.list_generations(visit.call, visit.user.username, subscription_id).body
    assert isinstance(found, Generations)
    return found.generations


@pages.get("/outside/<int:subscription_id>", needs=OWN, title=N_("Outside calendar"), under="/outside")
def calendar(visit: Visit, subscription_id: int) -> Response:
    """The page."""
    found = _subscription(visit, subscription_id)
    fields = ("label", "busy", "tentative", "visibility", "time_zone")
    initial = {name: getattr(found, name) for name in fields}
    names = words()
    names["kind"] = {
        "keep": gettext("As it is"),
        "none": gettext("Nothing but the address"),
        **{kind: word for kind, word in names["kind"].items() if kind},
    }
    return visit.page(
        "outside/calendar.html",
        found=found,
        form=visit.form(ChangeGiven, initial=initial),
        words=names,
        how=status,
        states=_STATES,
        generations=_generations(visit, subscription_id),
    )


@pages.post("/outside/<int:subscription_id>", needs=OWN, again=calendar)
def change(visit: Visit, subscription_id: int) -> Response:
    """Change it."""
    given = visit.given(ChangeGiven)
    with visit.refusing(beside="url"):
        body = given.change()
        subscriptions.change_subscription(visit.call, visit.user.username, subscription_id, body)
    return visit.see(f"/outside/{subscription_id}", gettext("The calendar was changed."))


@pages.get(
    "/outside/<int:subscription_id>/states/<int:generation_id>",
    needs=OWN,
    title=N_("What would change"),
    under="/outside",
)
def state(visit: Visit, subscription_id: int, generation_id: int) -> Response:
    """How a state differs from the one that is shown, and what can be done with it."""
    who = visit.user.username
    body = generations.diff_generation(visit.call, who, subscription_id, generation_id).body
    assert isinstance(body, Differences)
    found = next(it for it in _generations(visit, subscription_id) if it.id == generation_id)
    return visit.page(
        "outside/state.html",
        found=_subscription(visit, subscription_id),
        generation=found,
        states=_STATES,
        differences=body.differences,
    )


@pages.post("/outside/<int:subscription_id>/states/<int:generation_id>/accept", needs=OWN, again=state)
def accept(visit: Visit, subscription_id: int, generation_id: int) -> Response:
    """Show a doubted state after all."""
    with visit.refusing():
        generations.accept_generation(visit.call, visit.user.username, subscription_id, generation_id)
    return visit.see(f"/outside/{subscription_id}", gettext("This state is shown now."))


@pages.post("/outside/<int:subscription_id>/states/<int:generation_id>/reject", needs=OWN, again=state)
def reject(visit: Visit, subscription_id: int, generation_id: int) -> Response:
    """Take a doubted state over neither now nor later."""
    with visit.refusing():
        generations.reject_generation(visit.call, visit.user.username, subscription_id, generation_id)
    return visit.see(f"/outside/{subscription_id}", gettext("This state is rejected."))


@pages.post("/outside/<int:subscription_id>/states/<int:generation_id>/roll-back", needs=OWN, again=state)
def roll_back(visit: Visit, subscription_id: int, generation_id: int) -> Response:
    """Go back to an earlier state."""
    with visit.refusing():
        generations.roll_back_generation(visit.call, visit.user.username, subscription_id, generation_id)
    return visit.see(f"/outside/{subscription_id}", gettext("The earlier state is shown again."))


@pages.get("/outside/<int:subscription_id>/end", needs=OWN, title=N_("End the calendar"), under="/outside")
def end_form(visit: Visit, subscription_id: int) -> Response:
    """The choice."""
    return visit.page("outside/end.html", found=_subscription(visit, subscription_id))


@pages.post("/outside/<int:subscription_id>/end", needs=OWN, again=end_form)
def end(visit: Visit, subscription_id: int) -> Response:
    """End it; its events stay or go."""
    keeps = visit.typed.get("events") != "delete"
    query = RemovalQuery(events="keep" if keeps else "delete")
    subscriptions.delete_subscription(visit.call, visit.user.username, subscription_id, query)
    if keeps:
        return visit.see("/outside", gettext("The calendar is ended. Its events still block."))
    return visit.see("/outside", gettext("The calendar is ended, and its events are removed."))
