# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for the password once more before something sensitive. Nothing typed is lost: the form waits on the page that
asks, and is sent on with the password.
"""

from __future__ import annotations

from flask import Response, render_template

from scheduling.access import sign_in
from scheduling.access.sign_in import SignInRefused, TooManyAttempts
from server.pages.frame.addresses import with_next
from server.pages.frame.visit import Visit
from server.pages.words.languages import gettext

PASSWORD = "confirm-password"  # noqa: S105
"""The field; no form of a page has one called so."""


def needed(visit: Visit) -> Response | None:
    """The page that asks; None where the person has proved lately, or does with this request, who it is."""
    assert visit.signed_in is not None
    if visit.signed_in.session.is_confirmed(visit.clock.now):
        return None
    if visit.request.method != "POST":
        return visit.see(with_next("/confirm", visit.request.full_path.rstrip("?")))
    given = visit.typed.get(PASSWORD)
    if given is None:
        return _ask(visit, 403)
    try:
        prove(visit, given)
    except SignInRefused:
        return _ask(visit, 422, gettext("The password is wrong."))
    except TooManyAttempts as error:
        sentence = gettext("Wait %(seconds)s seconds, then try again.", seconds=error.retry_after)
        return _ask(visit, 429, sentence)
    return None


def prove(visit: Visit, password: str) -> None:
    """Check the password and note it. Raises `SignInRefused`, `TooManyAttempts`, `DatabaseUnavailable`."""
    assert visit.signed_in is not None
    sign_in.confirm(
        visit.database,
        visit.keyring,
        visit.signed_in,
        password,
        config=visit.settings.config,
        address=visit.browser.address,
        at=visit.clock.now,
    )


def _ask(visit: Visit, status: int, error: str | None = None) -> Response:
    kept = [it for it in visit.typed.items(multi=True) if it[0] != PASSWORD]
    text = render_template(
        "confirm.html", visit=visit, action=visit.request.full_path.rstrip("?"), kept=kept, error=error
    )
    return Response(text, status=status, content_type="text/html; charset=utf-8")
