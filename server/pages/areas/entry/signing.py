# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in with the main password, and signing out."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from scheduling.access import sessions, sign_in
from scheduling.access.sign_in import SignInRefused, TooManyAttempts
from server.api.protocol.values import Given
from server.pages.frame import cookies
from server.pages.frame.forms import WHOLE_FORM, FormRefused
from server.pages.frame.routes import Pages, Who
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="entry")


class SignInGiven(Given):
    """Who somebody is."""

    name: str = Field(min_length=1, max_length=1024)
    password: str = Field(min_length=1, max_length=1024)


@pages.get("/sign-in", needs=Who.ANYBODY, title=N_("Sign in"))
def sign_in_form(visit: Visit) -> Response:
    """The form."""
    if visit.signed_in is not None and visit.refused is None:
        return visit.see(visit.next)
    return visit.page("entry/sign_in.html", form=visit.form(SignInGiven))


@pages.post("/sign-in", needs=Who.ANYBODY, again=sign_in_form, writes_itself=True)
def sign_in_now(visit: Visit) -> Response:
    """Begin a session."""
    given = visit.given(SignInGiven)
    try:
        _, token = sign_in.sign_in(
            visit.database,
            visit.keyring,
            given.name,
            given.password,
            config=visit.settings.config,
            browser=visit.browser,
            at=visit.clock.now,
            replaces=cookies.session(visit.request),
        )
    except SignInRefused:
        raise FormRefused(FORM, {WHOLE_FORM: gettext("The name or the password is wrong.")}) from None
    except TooManyAttempts as error:
        sentence = gettext("Wait %(seconds)s seconds, then try again.", seconds=error.retry_after)
        raise FormRefused(FORM, {WHOLE_FORM: sentence}, status=429, retry_after=error.retry_after) from None
    response = visit.see(visit.next)
    cookies.set_session(response, visit.request, token)
    return response


@pages.post("/sign-out", needs=Who.ANYBODY, again=sign_in_form)
def sign_out(visit: Visit) -> Response:
    """End the session."""
    token = cookies.session(visit.request)
    if token:
        sessions.sign_out(visit.connection, visit.keyring, token, address=visit.browser.address)
    response = visit.see("/sign-in", gettext("You are signed out."))
    cookies.drop_session(response, visit.request)
    return response
