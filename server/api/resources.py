# SPDX-License-Identifier: GPL-3.0-or-later
"""Every resource of the API, in the order of its document."""

from __future__ import annotations

from server.api import webhooks
from server.api.availability import availability, claims, free_busy_links, working_hours
from server.api.feeds import deliveries, feeds
from server.api.people import (
    api_keys,
    app_passwords,
    audit,
    invitations,
    roles,
    sessions,
    settings,
    users,
)
from server.api.protocol.operations import Routes
from server.api.schedule import blockers, conflicts, events, jobs, time_off
from server.api.subscriptions import generations, preview, subscriptions

ROUTES: tuple[Routes, ...] = (
    jobs.routes,
    blockers.routes,
    time_off.routes,
    events.routes,
    availability.routes,
    claims.routes,
    working_hours.routes,
    conflicts.routes,
    users.routes,
    feeds.routes,
    free_busy_links.routes,
    deliveries.routes,
    app_passwords.routes,
    invitations.routes,
    sessions.routes,
    subscriptions.routes,
    generations.routes,
    preview.routes,
    settings.routes,
    roles.routes,
    api_keys.routes,
    webhooks.routes,
    audit.routes,
)
