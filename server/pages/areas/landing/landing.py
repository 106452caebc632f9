# SPDX-License-Identifier: GPL-3.0-or-later
"""The start: for strangers what this is and where to sign in; whoever is signed in goes on to the first page."""

from __future__ import annotations

from flask import Response

from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_

pages = Pages(area="landing")


@pages.get("/", needs=Who.ANYBODY, title=N_("Your schedule in your own calendar app"))
def start(visit: Visit) -> Response:
    """The landing page, or where the person begins."""
    if visit.signed_in is not None:
        return visit.home()
    return visit.page("landing/landing.html")
