# SPDX-License-Identifier: GPL-3.0-or-later
"""/roles: what users may do, by role."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scheduling.access import roles
from scheduling.access.permissions import Permission
from scheduling.access.roles import Role as StoredRole
from server.api.people.users import RoleName
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.validators import etag_of
from server.api.protocol.values import Given, Line, Shown

routes = Routes(
    tag="Roles",
    about="Sets of permissions. An API key can grant and withdraw only what it permits itself. The "
    "permissions of super-admin cannot be changed.",
)

Permissions = Annotated[list[Permission], Field(max_length=len(Permission))]


class RoleGiven(Given):
    """A new role."""

    name: RoleName
    description: Line = ""
    permissions: Permissions


class RoleChange(Given):
    """What shall be different; what is left out stays."""

    description: Line = Field(default_factory=str)
    permissions: Permissions = Field(default_factory=list)


class Role(Shown):
    """A role."""

    name: str
    etag: str = Field(description="Its version, for If-Match.")
    description: str
    built_in: bool
    permissions: list[str]
    users: int = Field(description="How many users have it.")


class Roles(Shown):
    """Every role, built-in ones first."""

    roles: list[Role]


@routes.operation("GET", "/roles", returns=Roles)
def list_roles(call: Call) -> Reply:
    """List the roles and what they permit."""
    call.require(Permission.USERS_VIEW)
    return Reply(body=Roles(roles=[_shown(it) for it in roles.list_roles(call.connection)]))


@routes.operation("POST", "/roles", returns=Role, status=201, refuses=(409,), creates=True, versioned=True)
def create_role(call: Call, body: RoleGiven) -> Reply:
    """Add a role."""
    added = roles.add(
        call.connection, body.name, body.permissions, description=body.description, actor=call.actor
    )
    return Reply(body=_shown(added), etag=_etag(added), location=f"/roles/{added.name}")


@routes.operation("GET", "/roles/{role}", returns=Role, versioned=True)
def get_role(call: Call, role: RoleName) -> Reply:
    """Show a role."""
    call.require(Permission.USERS_VIEW)
    found = roles.get(call.connection, role)
    return Reply(body=_shown(found), etag=_etag(found))


@routes.operation("PATCH", "/roles/{role}", returns=Role, versioned=True)
def change_role(call: Call, role: RoleName, body: RoleChange) -> Reply:
    """Change what a role permits. It counts from the next request of everybody who has it."""
    call.require(Permission.ROLES_MANAGE)
    found = roles.get(call.connection, role)
    call.require_current(_etag(found))
    if "description" in body.model_fields_set:
        found = roles.describe(call.connection, role, body.description, actor=call.actor)
    if "permissions" in body.model_fields_set:
        found = roles.set_permissions(call.connection, role, body.permissions, actor=call.actor)
    return Reply(body=_shown(found), etag=_etag(found))


@routes.operation("DELETE", "/roles/{role}", refuses=(409, 422), versioned=True)
def delete_role(call: Call, role: RoleName) -> Reply:
    """Delete a role that nobody has. Built-in roles cannot be deleted."""
    call.require(Permission.ROLES_MANAGE)
    call.require_current(_etag(roles.get(call.connection, role)))
    roles.remove(call.connection, role, actor=call.actor)
    return Reply()


def _etag(it: StoredRole) -> str:
    return etag_of(it.name, it.description, sorted(it.permissions))


def _shown(it: StoredRole) -> Role:
    return Role(
        name=it.name,
        etag=_etag(it),
        description=it.description,
        built_in=it.built_in,
        permissions=sorted(it.permissions),
        users=it.users,
    )
