# SPDX-License-Identifier: GPL-3.0-or-later
"""App passwords, one for each device: when and by what each was last used; end one, end all, make one by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.readership import deliveries
from server.api.people import app_passwords
from server.api.people.app_passwords import AppPassword, AppPasswordGiven
from server.pages.frame.routes import Nav, Pages, Section
from server.pages.frame.visit import Visit
from server.pages.words import apps
from server.pages.words.languages import N_, gettext, ngettext

pages = Pages(area="devices", sentences=(N_("There is no app password {id}."),))
OWN = Permission.PASSWORDS_MANAGE_OWN


def _live(visit: Visit) -> list[AppPassword]:
    listed = app_passwords.list_app_passwords(visit.call, visit.user.username).body
    assert isinstance(listed, app_passwords.AppPasswords)
    return [it for it in listed.app_passwords if it.revoked_at is None]


def _used_by(visit: Visit) -> Mapping[int, Sequence[str]]:
    """Names of the apps that used each app password."""
    found: dict[int, list[str]] = defaultdict(list)
    for it in deliveries.of_user(visit.connection, visit.user.id):
        if it.source == "app-password":
            found[it.source_id].append(apps.name(it.client))
    return found


@pages.get(
    "/devices", needs=OWN, title=N_("Devices"), nav=Nav(section=Section.ME, order=40, label=N_("Devices"))
)
def devices(visit: Visit) -> Response:
    """The list, and a form for one more."""
    form = visit.form(AppPasswordGiven)
    return visit.page("devices/devices.html", listed=_live(visit), used_by=_used_by(visit), form=form)


@pages.post("/devices", needs=OWN, again=devices, confirmed=True)
def add(visit: Visit) -> Response:
    """Make an app password, which this page shows once."""
    given = visit.given(AppPasswordGiven)
    with visit.refusing(beside="label"):
        made = app_passwords.create_app_password(visit.call, visit.user.username, given).body
    url = visit.settings.url("/dav/")
    return visit.page("devices/made.html", made=made, url=url)


@pages.post("/devices/<int:app_password_id>/end", needs=OWN, again=devices)
def end(visit: Visit, app_password_id: int) -> Response:
    """End one."""
    app_passwords.revoke_app_password(visit.call, visit.user.username, app_password_id)
    return visit.see("/devices", gettext("That device can no longer read your calendars."))


@pages.get("/devices/end-all", needs=OWN, title=N_("End all devices"), under="/devices")
def end_all_form(visit: Visit) -> Response:
    """What it will do."""
    return visit.page("devices/end_all.html", listed=_live(visit))


@pages.post("/devices/end-all", needs=OWN, again=end_all_form, confirmed=True)
def end_all(visit: Visit) -> Response:
    """End every one of them."""
    listed = _live(visit)
    for it in listed:
        app_passwords.revoke_app_password(visit.call, visit.user.username, it.id)
    said = ngettext(
        "%(num)s device can no longer read your calendars.",
        "%(num)s devices can no longer read your calendars.",
        len(listed),
    )
    return visit.see("/devices", said)
