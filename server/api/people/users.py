# SPDX-License-Identifier: GPL-3.0-or-later
"""/users: people, what they may do, and whether they have calendar access; /me: who calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from scheduling.access import users
from scheduling.access.permissions import Permission
from scheduling.access.users import User as StoredUser
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.problems import FORMS
from server.api.protocol.validators import etag_of
from server.api.protocol.values import Given, Line, Paged, Shown, Username, Zone

routes = Routes(
    tag="Users",
    about="People with a schedule. Without `calendar_access`, calendars and feeds stop at the next "
    "request. When it is given back, the same links work again.",
)

Mail = Annotated[
    str,
    StringConstraints(min_length=3, max_length=255, strip_whitespace=True, pattern=users.EMAIL),
]
FORMS[users.EMAIL] = "It has to be an e-mail address such as anna@example.com"
FORMS["^[a-z][a-z0-9-]{0,31}$"] = "It has to be the name of a role: small letters, digits and -"
RoleName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,31}$")]


class UserGiven(Given):
    """A new user."""

    username: Username
    display_name: Line = ""
    email: Mail | None = None
    time_zone: Zone = Field(default="UTC", description="IANA name, such as Europe/Berlin.")
    role: RoleName = "member"


class UserChange(Given):
    """What shall be different; what is left out stays."""

    display_name: Line = Field(default_factory=str)
    email: Mail | None = None
    time_zone: Zone = Field(default_factory=str)
    role: RoleName = Field(default_factory=str)
    active: bool = Field(default_factory=bool, description="False: no login, no feeds, no API keys.")
    calendar_access: bool = Field(
        default_factory=bool,
        description="False: no calendars and no feeds, for example because the plan does not include them.",
    )


class User(Shown):
    """A user."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    username: str
    display_name: str
    email: str | None
    time_zone: str
    active: bool
    calendar_access: bool
    role: str


class Users(Shown):
    """A page of users."""

    users: list[User]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class Caller(Shown):
    """Who calls, and what the API key permits."""

    name: str
    username: str | None = Field(description="The owner; null for a key of the installation.")
    permissions: list[str]


@routes.operation("GET", "/me", returns=Caller)
def get_caller(call: Call) -> Reply:
    """Show the owner of the API key and what it permits now."""
    found = [it.username for it in users.list_users(call.connection) if it.id == call.actor.user_id]
    return Reply(
        body=Caller(
            name=call.actor.name,
            username=found[0] if found else None,
            permissions=sorted(call.actor.permissions),
        )
    )


@routes.operation("GET", "/users", returns=Users, refuses=(422,))
def list_users(call: Call, query: Paged) -> Reply:
    """List users, by username."""
    call.require(Permission.USERS_VIEW)
    behind = cursor.read(query.cursor, str)
    found = [it for it in users.list_users(call.connection) if behind is None or it.username > str(behind[0])]
    page = found[: query.limit]
    following = cursor.write(page[-1].username) if len(found) > len(page) else None
    return Reply(body=Users(users=[_shown(it) for it in page], next=following))


@routes.operation("POST", "/users", returns=User, status=201, refuses=(409,), creates=True, versioned=True)
def create_user(call: Call, body: UserGiven) -> Reply:
    """Add a user.

    The API key must permit everything over others that the user's role permits.
    """
    added = users.create(call.connection, actor=call.actor, **body.model_dump())
    return Reply(body=_shown(added), etag=_etag(added), location=f"/users/{added.username}")


@routes.operation("GET", "/users/{user}", returns=User, versioned=True)
def get_user(call: Call, user: Username) -> Reply:
    """Show a user."""
    found = owner(call, user, Permission.USERS_VIEW, Permission.SCHEDULE_READ_OWN)
    return Reply(body=_shown(found), etag=_etag(found))


@routes.operation("PATCH", "/users/{user}", returns=User, versioned=True)
def change_user(call: Call, user: Username, body: UserChange) -> Reply:
    """Change some of a user: name, time zone, role, calendar access, or whether the user is active."""
    call.require_current(_etag(owner(call, user, Permission.USERS_MANAGE)))
    changed = users.change(call.connection, user, body.model_dump(exclude_unset=True), actor=call.actor)
    return Reply(body=_shown(changed), etag=_etag(changed))


@routes.operation("DELETE", "/users/{user}", versioned=True)
def delete_user(call: Call, user: Username) -> Reply:
    """Delete a user with everything that belongs to the user.

    Usually `active: false` is better, because it can be undone.
    """
    call.require_current(_etag(owner(call, user, Permission.USERS_MANAGE)))
    users.remove(call.connection, user, actor=call.actor)
    return Reply()


def _etag(user: StoredUser) -> str:
    fields = ("id", "username", "display_name", "email", "time_zone", "active", "calendar_access", "role")
    return etag_of(*(getattr(user, name) for name in fields))


def _shown(user: StoredUser) -> User:
    return User(
        id=user.id,
        etag=_etag(user),
        username=user.username,
        display_name=user.display_name,
        email=user.email,
        time_zone=user.time_zone,
        active=user.active,
        calendar_access=user.calendar_access,
        role=user.role,
    )
