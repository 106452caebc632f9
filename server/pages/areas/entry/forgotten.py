# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody does who has no password, or does not know it."""

from __future__ import annotations

from flask import Response

from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_

pages = Pages(area="entry")


@pages.get("/forgotten", needs=Who.ANYBODY, title=N_("No password?"), under="/sign-in")
def forgotten(visit: Visit) -> Response:
    """Whom to ask."""
    return visit.page("entry/forgotten.html")
