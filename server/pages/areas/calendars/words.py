# SPDX-License-Identifier: GPL-3.0-or-later
"""What a link shows, in words."""

from __future__ import annotations

from scheduling import kinds
from scheduling.access.permissions import Permission
from scheduling.feeds.options import KINDS, USUAL_KINDS
from server.api.feeds.feeds import Feed
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_, gettext, ngettext

_KINDS = {
    kinds.JOBS.slug: N_("Jobs"),
    kinds.BLOCKERS.slug: N_("Blocked times"),
    kinds.TIME_OFF.slug: N_("Time off"),
    kinds.EXTERNAL.slug: N_("Outside calendars"),
    kinds.CONFLICTS.slug: N_("Conflicts of everybody"),
}


def kind_names() -> dict[str, str]:
    """What the kinds of calendar are called, by slug."""
    return {it: gettext(_KINDS[it]) if it in _KINDS else kinds.of(it).in_feed or it for it in KINDS}


def kinds_for(visit: Visit, *present: str) -> tuple[str, ...]:
    """The kinds that the person may choose; those `present` stay."""
    offered = KINDS if visit.may(Permission.CALENDARS_READ_ALL) else USUAL_KINDS
    return tuple(it for it in KINDS if it in offered or it in present)


def summary(feed: Feed) -> list[str]:
    """What the link shows: a few short phrases."""
    names = kind_names()
    found = [", ".join(names[it] for it in feed.kinds)]
    found.append(
        gettext("everything about them") if feed.detail == "full" else gettext("only when you are busy")
    )
    if feed.history_months is not None:
        found.append(ngettext("%(num)s month back", "%(num)s months back", feed.history_months))
    if feed.future_months is not None:
        found.append(ngettext("%(num)s month ahead", "%(num)s months ahead", feed.future_months))
    if feed.cancelled_days is not None:
        found.append(
            ngettext("cancelled jobs for %(num)s day", "cancelled jobs for %(num)s days", feed.cancelled_days)
        )
    if feed.alarm_minutes is not None:
        found.append(
            ngettext("alarm %(num)s minute before", "alarm %(num)s minutes before", feed.alarm_minutes)
        )
    return found
