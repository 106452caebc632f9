# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/free-busy-link: the secret address of a user's free and busy times."""

from __future__ import annotations

from scheduling.access.permissions import Permission
from scheduling.availability import links
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.values import Shown, Username

routes = Routes(
    tag="Free-busy links",
    about="One secret link for each user. It tells programs when the user is busy, and never why.",
)


class FreeBusyLink(Shown):
    """The link; whoever has it can read it."""

    url: str


@routes.operation("GET", "/users/{user}/free-busy-link", returns=FreeBusyLink)
def get_free_busy_link(call: Call, user: Username) -> Reply:
    """Show the link."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_VIEW_OWN)
    return _reply(call, links.show(call.connection, call.keyring, found.id, actor=call.actor))


@routes.operation("POST", "/users/{user}/free-busy-link", returns=FreeBusyLink, status=201, creates=True)
def renew_free_busy_link(call: Call, user: Username) -> Reply:
    """Make the link, or replace it by a new one. The old one stops working."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_CREATE_OWN)
    token = links.renew(call.connection, call.keyring, found.id, actor=call.actor)
    return _reply(call, token, f"/users/{found.username}/free-busy-link")


@routes.operation("DELETE", "/users/{user}/free-busy-link")
def delete_free_busy_link(call: Call, user: Username) -> Reply:
    """End the link."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_CREATE_OWN)
    links.revoke(call.connection, found.id, actor=call.actor)
    return Reply()


def _reply(call: Call, token: str, location: str | None = None) -> Reply:
    return Reply(body=FreeBusyLink(url=call.settings.url(links.path_of(token))), location=location)
