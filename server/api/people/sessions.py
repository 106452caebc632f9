# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/sessions: the browsers with which a user is signed in to the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from scheduling.access import sessions
from scheduling.access.permissions import Permission
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.values import Id, Shown, ShownMoment, Username

routes = Routes(
    tag="Sessions", about="Browsers that are signed in to the pages. A new password ends them all."
)


class Session(Shown):
    """A browser that is signed in."""

    id: int
    began_by: Literal["password", "link"]
    created_at: ShownMoment
    last_used_at: ShownMoment = Field(description="Exact to about five minutes.")
    address: str = Field(description="Where it was last seen.")
    user_agent: str = Field(description="What the browser called itself when it signed in.")


class Sessions(Shown):
    """Every session of a user, the last used first."""

    sessions: list[Session]


@routes.operation("GET", "/users/{user}/sessions", returns=Sessions)
def list_sessions(call: Call, user: Username) -> Reply:
    """List the browsers with which a user is signed in."""
    found = owner(call, user, Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN)
    listed = sessions.list_sessions(call.connection, found.id, call.settings.config, datetime.now(UTC))
    return Reply(body=Sessions(sessions=[_shown(it) for it in listed]))


@routes.operation("DELETE", "/users/{user}/sessions")
def end_sessions(call: Call, user: Username) -> Reply:
    """Sign a user out of every browser."""
    found = owner(call, user, Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN)
    sessions.end_all(call.connection, found.id, actor=call.actor)
    return Reply()


@routes.operation("DELETE", "/users/{user}/sessions/{session_id}")
def end_session(call: Call, user: Username, session_id: Id) -> Reply:
    """Sign a user out of one browser."""
    found = owner(call, user, Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN)
    sessions.end(call.connection, found.id, session_id, actor=call.actor)
    return Reply()


def _shown(it: sessions.Session) -> Session:
    return Session(
        id=it.id,
        began_by=it.began_by,
        created_at=it.created_at,
        last_used_at=it.last_used_at,
        address=it.address,
        user_agent=it.user_agent,
    )
