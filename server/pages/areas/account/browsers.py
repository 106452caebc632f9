# SPDX-License-Identifier: GPL-3.0-or-later
"""The browsers that are signed in: listed, ended one by one or all but this one."""

from __future__ import annotations

from flask import Response

from scheduling.access import sessions
from scheduling.access.permissions import Permission
from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import Visit
from server.pages.words.browsers import describe
from server.pages.words.languages import N_, gettext, ngettext

pages = Pages(area="account")


@pages.get(
    "/account/sessions",
    needs=Who.SIGNED_IN,
    title=N_("Browsers that are signed in"),
    under="/account",
)
def browsers(visit: Visit) -> Response:
    """The list, the last used first."""
    found = sessions.list_sessions(visit.connection, visit.user.id, visit.settings.config, visit.clock.now)
    listed = [(it, describe(it.user_agent)) for it in found]
    assert visit.signed_in is not None
    return visit.page("account/browsers.html", listed=listed, this=visit.signed_in.session.id)


@pages.post("/account/sessions/<int:session_id>/end", needs=Permission.PASSWORDS_MANAGE_OWN, again=browsers)
def end_one(visit: Visit, session_id: int) -> Response:
    """Sign one browser out."""
    sessions.end(visit.connection, visit.user.id, session_id, actor=visit.actor)
    return visit.see("/account/sessions", gettext("That browser is signed out."))


@pages.post("/account/sessions/end-others", needs=Permission.PASSWORDS_MANAGE_OWN, again=browsers)
def end_others(visit: Visit) -> Response:
    """Sign every other browser out."""
    assert visit.signed_in is not None
    this = visit.signed_in.session.id
    count = sessions.end_all(visit.connection, visit.user.id, but=this, actor=visit.actor)
    said = ngettext("%(num)s other browser is signed out.", "%(num)s other browsers are signed out.", count)
    return visit.see("/account/sessions", said)
