# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody does who has no password, or forgot it: ask for a letter with a link, or ask an administrator."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from scheduling.mail import invitations
from server.api.protocol.values import Given
from server.pages.frame.forms import WHOLE_FORM, FormRefused
from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="entry")


class NameGiven(Given):
    """Whose password is forgotten."""

    name: str = Field(min_length=1, max_length=255)


@pages.get("/forgotten", needs=Who.ANYBODY, title=N_("No password?"), under="/sign-in")
def forgotten(visit: Visit) -> Response:
    """Whom to ask, and where mail is configured the form."""
    by_mail = visit.settings.config.mail.is_on
    return visit.page("entry/forgotten.html", form=visit.form(NameGiven), by_mail=by_mail)


@pages.post("/forgotten", needs=Who.ANYBODY, again=forgotten, writes_itself=True)
def ask(visit: Visit) -> Response:
    """Have a letter sent where there is such a person; the answer is the same for everybody."""
    given = visit.given(NameGiven)
    # The address of this installation comes from its settings: the Host field is whatever a stranger writes.
    root = visit.settings.root
    wait = invitations.ask_for_reset(
        visit.database,
        visit.keyring,
        given.name,
        root=root,
        address=visit.browser.address,
        at=visit.clock.now,
    )
    if wait:
        sentence = gettext("Wait %(seconds)s seconds, then try again.", seconds=wait)
        raise FormRefused(FORM, {WHOLE_FORM: sentence}, status=429, retry_after=wait)
    said = gettext(
        "If we know this name and have an e-mail address for it, a letter with a link is on its way."
    )
    return visit.see("/sign-in", said)
