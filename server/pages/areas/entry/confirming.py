# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks for the password once more before a sensitive page is shown, and goes on to it."""

from __future__ import annotations

from flask import Response

from scheduling.access.sign_in import SignInRefused, TooManyAttempts
from server.pages.frame import confirming
from server.pages.frame.addresses import with_next
from server.pages.frame.forms import WHOLE_FORM, FormRefused
from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="entry")


@pages.get("/confirm", needs=Who.SIGNED_IN, title=N_("Confirm that it is you"))
def confirm_form(visit: Visit) -> Response:
    """The form."""
    error = visit.refused.errors[WHOLE_FORM] if visit.refused is not None else None
    return visit.page("confirm.html", action=with_next("/confirm", visit.next), kept=[], error=error)


@pages.post("/confirm", needs=Who.SIGNED_IN, again=confirm_form, writes_itself=True)
def confirm_now(visit: Visit) -> Response:
    """Note that the person has proved who it is, and go on."""
    try:
        confirming.prove(visit, visit.typed.get(confirming.PASSWORD, ""))
    except SignInRefused:
        raise FormRefused(FORM, {WHOLE_FORM: gettext("The password is wrong.")}) from None
    except TooManyAttempts as error:
        sentence = gettext("Wait %(seconds)s seconds, then try again.", seconds=error.retry_after)
        raise FormRefused(FORM, {WHOLE_FORM: sentence}, status=429, retry_after=error.retry_after) from None
    return visit.see(visit.next)
