# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding an outside calendar by its address; it can be looked at before anything is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from flask import Response
from pydantic import Field

from scheduling.access.permissions import Permission
from server.api.protocol.values import Given, Name
from server.api.subscriptions import preview, subscriptions
from server.api.subscriptions.preview import Preview, PreviewGiven
from server.api.subscriptions.subscriptions import (
    Busy,
    CredentialsGiven,
    Link,
    SubscriptionGiven,
    Tentative,
    Visibility,
)
from server.pages.frame.forms import FormRefused
from server.pages.frame.routes import Pages
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import N_, gettext

pages = Pages(
    area="outside",
    sentences=(N_("This is not the URL of a calendar; an example is https://calendar.example.com/....ics."),),
)
OWN = Permission.SUBSCRIPTIONS_MANAGE_OWN
_SHOWN_EVENTS = 50


class CalendarGiven(Given):
    """A calendar to add, flat as forms are. `kind` is empty where the server asks for nothing but the address."""

    url: Link
    label: Name
    kind: Literal["", "basic", "bearer", "header"] = ""
    name: str = Field(default="", max_length=1000)
    secret: str = Field(default="", max_length=1000)
    busy: Busy = "honour"
    tentative: Tentative = "tentative"
    visibility: Visibility = "full"

    def credentials(self) -> CredentialsGiven | None:
        """What the server asks for. Raises `FormRefused` where a part of it is missing."""
        if not self.kind:
            return None
        if not self.secret:
            raise FormRefused(FORM, {"secret": gettext("Fill this in.")})
        return CredentialsGiven(kind=self.kind, name=self.name, secret=self.secret)


def words() -> dict[str, dict[str, str]]:
    """What the choices of the form are called."""
    return {
        "kind": {
            "": gettext("Nothing but the address"),
            "basic": gettext("A user name and a password"),
            "bearer": gettext("A token"),
            "header": gettext("A header field"),
        },
        "busy": {
            "honour": gettext("What the calendar calls busy"),
            "all": gettext("Every event"),
        },
        "tentative": {
            "tentative": gettext("They may block (shown as not confirmed)"),
            "busy": gettext("They block like others"),
        },
        "visibility": {
            "full": gettext("With title and place, for me only"),
            "busy-only": gettext("As busy time"),
            "hidden": gettext("Not at all; they only block"),
        },
    }


@pages.get("/outside/add", needs=OWN, title=N_("Add a calendar"), under="/outside")
def add_form(visit: Visit) -> Response:
    """The form."""
    return _page(visit, visit.form(CalendarGiven))


@pages.post("/outside/add", needs=OWN, again=add_form, writes_itself=True)
def add(visit: Visit) -> Response:
    """Look at the calendar, or keep it."""
    given = visit.given(CalendarGiven)
    credentials = given.credentials()
    if visit.typed.get("do") == "look":
        return _look(visit, given, credentials)
    body = SubscriptionGiven(
        url=given.url,
        label=given.label,
        credentials=credentials,
        busy=given.busy,
        tentative=given.tentative,
        visibility=given.visibility,
    )
    with visit.refusing(beside="url"), visit.database.write() as connection:
        subscriptions.create_subscription(
            replace(visit, transaction=connection).call, visit.user.username, body
        )
    return visit.see("/outside", gettext("The calendar is added. It is read within a minute."))


def _look(visit: Visit, given: CalendarGiven, credentials: CredentialsGiven | None) -> Response:
    asked = PreviewGiven(user=visit.user.username, url=given.url, credentials=credentials)
    with visit.refusing(beside="url"), visit.database.read() as connection:
        found = preview.preview_subscription(replace(visit, transaction=connection).call, asked).body
    assert isinstance(found, Preview)
    return _page(visit, visit.form(CalendarGiven, initial=given), found)


def _page(visit: Visit, form: Any, found: Preview | None = None) -> Response:
    shown = [] if found is None else found.events[:_SHOWN_EVENTS]
    return visit.page("outside/add.html", form=form, words=words(), found=found, shown=shown)
