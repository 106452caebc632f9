# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own account: who one is here, and the language of the pages."""

from __future__ import annotations

from flask import Response

from server.pages.frame import cookies
from server.pages.frame.addresses import own
from server.pages.frame.routes import Nav, Pages, Section, Who
from server.pages.frame.visit import Visit
from server.pages.words.languages import LANGUAGES, N_

pages = Pages(area="account")


@pages.get(
    "/account",
    needs=Who.SIGNED_IN,
    title=N_("Account"),
    nav=Nav(section=Section.ME, order=90, label=N_("Account")),
)
def account(visit: Visit) -> Response:
    """The page."""
    return visit.page("account/account.html")


@pages.post("/language", needs=Who.ANYBODY, again=account)
def choose_language(visit: Visit) -> Response:
    """Keep the language in this browser; what is none of ours leaves it to the browser's own."""
    response = visit.see(own(visit.typed.get("next")))
    chosen = visit.typed.get("language", "")
    cookies.set_language(response, visit.request, chosen if chosen in LANGUAGES else "")
    return response
