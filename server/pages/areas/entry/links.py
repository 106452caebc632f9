# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a one-time link. Looking changes nothing, since mail scanners follow links; its button uses it up."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response

from scheduling.access import by_link, credentials, one_time_links
from scheduling.access.one_time_links import SETS_PASSWORD, LinkGone, OneTimeLink, Purpose
from scheduling.access.signed_in import SignedIn
from server.pages.frame import cookies, new_password
from server.pages.frame.errors import Stop
from server.pages.frame.new_password import NewPasswordGiven
from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="entry")


@pages.get("/link/<token>", needs=Who.ANYBODY, title=N_("Your link"))
def link(visit: Visit, token: str) -> Response:
    """What the link is good for, and the button."""
    found = _find(visit, token)
    form = visit.form(NewPasswordGiven)
    template = "entry/new_password.html" if found.purpose in SETS_PASSWORD else "entry/sign_in_by_link.html"
    return visit.page(template, link=found, token=token, form=form, least=credentials.MINIMUM_LENGTH)


@pages.post("/link/<token>/password", needs=Who.ANYBODY, again=link, writes_itself=True)
def set_password(visit: Visit, token: str) -> Response:
    """Set the password, and sign in."""
    password = new_password.given(visit)
    with visit.refusing(beside="password"):
        try:
            found = by_link.set_password(
                visit.database,
                visit.keyring,
                token,
                password,
                config=visit.settings.config,
                browser=visit.browser,
                at=visit.clock.now,
                replaces=cookies.session(visit.request),
            )
        except LinkGone:
            raise Stop(HTTPStatus.GONE) from None
    return _welcome(visit, found, gettext("Your password is set, and you are signed in."))


@pages.post("/link/<token>/sign-in", needs=Who.ANYBODY, again=link, writes_itself=True)
def sign_in(visit: Visit, token: str) -> Response:
    """Sign in."""
    try:
        found = by_link.sign_in(
            visit.database,
            visit.keyring,
            token,
            config=visit.settings.config,
            browser=visit.browser,
            at=visit.clock.now,
            replaces=cookies.session(visit.request),
        )
    except LinkGone:
        raise Stop(HTTPStatus.GONE) from None
    return _welcome(visit, found, gettext("You are signed in."))


def _find(visit: Visit, token: str) -> OneTimeLink:
    try:
        found = one_time_links.find(visit.connection, visit.keyring, token, visit.clock.now)
    except LinkGone:
        raise Stop(HTTPStatus.GONE) from None
    if found.purpose not in (*SETS_PASSWORD, Purpose.SIGN_IN):
        raise Stop(HTTPStatus.GONE)
    return found


def _welcome(visit: Visit, found: tuple[SignedIn, str], said: str) -> Response:
    response = visit.see("/", said)
    cookies.set_session(response, visit.request, found[1])
    return response
