# SPDX-License-Identifier: GPL-3.0-or-later
"""How an outside calendar is, in sentences."""

from __future__ import annotations

from server.api.subscriptions.subscriptions import Subscription
from server.pages.words.languages import gettext
from server.pages.words.moments import Clock


def is_well(found: Subscription) -> bool:
    """Whether its owner has nothing to do."""
    return found.status == "active" and found.last_success_at is not None


def sentence(found: Subscription, clock: Clock) -> str:
    """What it does at the moment."""
    if found.sync.state == "running":
        return gettext("It is being fetched right now.")
    if found.status == "paused":
        return gettext("It is paused: what was imported stays and blocks, and nothing new is fetched.")
    if found.status == "error":
        said = found.message or gettext("It cannot be fetched.")
        if found.last_success_at is None:
            return said
        return f"{said} {gettext('It was last read %(when)s.', when=clock.since(found.last_success_at))}"
    if found.last_success_at is None:
        return gettext("It is fetched within a minute. Until then nothing of it blocks.")
    return gettext("It was read %(when)s.", when=clock.since(found.last_success_at))


def following(found: Subscription, clock: Clock) -> str:
    """When it is fetched next; empty where that means nothing."""
    if found.status == "paused" or found.last_attempt_at is None:
        return ""
    if found.sync.state == "queued":
        return gettext("A fetch is requested.")
    return gettext("The next fetch is %(when)s.", when=clock.since(found.next_at))
