# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing one's own main password. Other browsers are signed out by it; this one stays."""

from __future__ import annotations

from flask import Response

from scheduling.access import credentials, sign_in
from scheduling.access.permissions import Permission
from server.pages.frame import cookies, new_password
from server.pages.frame.new_password import NewPasswordGiven
from server.pages.frame.routes import Pages
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_, gettext

pages = Pages(
    area="account",
    sentences=(N_("The password is too short: use at least {count} characters."),),
)


@pages.get(
    "/account/password",
    needs=Permission.PASSWORDS_MANAGE_OWN,
    title=N_("Change the password"),
    under="/account",
    confirmed=True,
)
def password_form(visit: Visit) -> Response:
    """The form."""
    return visit.page(
        "account/password.html", form=visit.form(NewPasswordGiven), least=credentials.MINIMUM_LENGTH
    )


@pages.post(
    "/account/password",
    needs=Permission.PASSWORDS_MANAGE_OWN,
    again=password_form,
    confirmed=True,
    writes_itself=True,
)
def change_password(visit: Visit) -> Response:
    """Set it, and begin a new session in this browser."""
    password = new_password.given(visit)
    with visit.refusing(beside="password"), visit.database.write() as connection:
        credentials.set_password(connection, visit.user.id, password, actor=visit.actor)
    _, token = sign_in.sign_in(
        visit.database,
        visit.keyring,
        visit.user.username,
        password,
        config=visit.settings.config,
        browser=visit.browser,
        at=visit.clock.now,
        replaces=cookies.session(visit.request),
    )
    response = visit.see(
        "/account", gettext("The password was changed, and every other browser is signed out.")
    )
    cookies.set_session(response, visit.request, token)
    return response
