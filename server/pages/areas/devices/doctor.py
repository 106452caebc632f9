# SPDX-License-Identifier: GPL-3.0-or-later
"""What one's own devices and subscribed links did last, in sentences, and what to do where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.readership import deliveries, refusals
from scheduling.readership.deliveries import Delivery
from server.pages.frame.routes import Nav, Pages, Section
from server.pages.frame.visit import Visit
from server.pages.words import apps
from server.pages.words.languages import N_, gettext

pages = Pages(area="devices")
_SINCE = timedelta(days=7)
_NEEDS = (Permission.FEEDS_VIEW_OWN, Permission.PASSWORDS_MANAGE_OWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One device or link: its name, whether something is wrong, what it did, what to do."""

    name: str
    is_well: bool
    did: str
    advice: str = ""


@pages.get(
    "/doctor", needs=_NEEDS, title=N_("Doctor"), nav=Nav(section=Section.ME, order=60, label=N_("Doctor"))
)
def doctor(visit: Visit) -> Response:
    """The findings, what is wrong first."""
    visit.snapshot.calendars_of(visit.user.id)
    found = deliveries.of_user(visit.connection, visit.user.id)
    findings = [*_refused(visit, found), *(_delivery(visit, it) for it in found)]
    findings.sort(key=lambda it: it.is_well)
    return visit.page("devices/doctor.html", findings=findings)


def _refused(visit: Visit, found: list[Delivery]) -> Iterator[Finding]:
    """Apps that were refused and have not been let in since."""
    refused = refusals.of_user(visit.connection, visit.user.id, since=visit.clock.now - _SINCE)
    for it in refused:
        if any(one.client == it.client and one.last_at > it.last_at for one in found):
            continue
        yield Finding(
            name=apps.name(it.client),
            is_well=False,
            did=gettext(
                "It asks with a wrong password since %(first)s, last %(last)s.",
                first=visit.clock.moment(it.first_at),
                last=visit.clock.since(it.last_at),
            ),
            advice=gettext("Connect this device anew: its password was ended, or typed wrongly."),
        )


def _delivery(visit: Visit, it: Delivery) -> Finding:
    now, clock = visit.clock.now, visit.clock
    name = f"{it.label}: {apps.name(it.client)}"
    last = clock.since(it.last_at)
    is_silent = now - it.last_at > apps.pause(it.client)
    if it.stale_since is None:
        did = gettext("It asked %(last)s and has everything.", last=last)
        return Finding(name=name, is_well=True, did=did)
    did = gettext(
        "It asked %(last)s and lacks what changed since %(since)s.",
        last=last,
        since=clock.moment(it.stale_since),
    )
    if not is_silent and apps.is_slow(it.client):
        advice = gettext(
            "That is normal: %(app)s fetches a link when it likes, at times once a day.",
            app=apps.name(it.client),
        )
        return Finding(name=name, is_well=True, did=did, advice=advice)
    if not is_silent:
        return Finding(name=name, is_well=True, did=did, advice=gettext("It will ask again soon."))
    if it.source == "feed":
        advice = gettext("Look whether the app still subscribes to this link. If not, revoke the link.")
    else:
        advice = gettext(
            "Open the calendar app on that device and let it synchronise. If you do not use it any more, end it."
        )
    return Finding(name=name, is_well=False, did=did, advice=advice)
