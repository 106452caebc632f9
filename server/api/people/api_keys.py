# SPDX-License-Identifier: GPL-3.0-or-later
"""/api-keys: keys for scripts, those of users and those of the installation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scheduling.access import api_keys, users
from scheduling.access.permissions import Permission
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.values import Asked, Given, Id, Moment, Name, Shown, ShownMoment, Username, moment

routes = Routes(
    tag="API keys",
    about="Keys for scripts. A user's key never permits more than the user's role does at that moment. "
    "No key can make a key that permits more than itself.",
)


class ApiKeyGiven(Given):
    """A new API key."""

    label: Name = Field(description="For example the name of the script.")
    user: Username | None = Field(default=None, description="The owner; null for a key of the installation.")
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    expires_at: Moment | None = Field(default=None, description="Null: it never expires.")


class ApiKeyQuery(Asked):
    """Which keys."""

    user: Username | None = Field(default=None, description="Only keys of this user.")


class ApiKey(Shown):
    """An API key without its text."""

    id: int
    user: str | None
    label: str
    permissions: list[str]
    created_at: ShownMoment
    expires_at: ShownMoment | None
    last_used_at: ShownMoment | None = Field(description="Exact to about ten minutes.")
    revoked_at: ShownMoment | None


class NewApiKey(ApiKey):
    """An API key with its text, which is shown this once."""

    key: str


class ApiKeys(Shown):
    """API keys, oldest first."""

    api_keys: list[ApiKey]


@routes.operation("GET", "/api-keys", returns=ApiKeys, refuses=(404,))
def list_api_keys(call: Call, query: ApiKeyQuery) -> Reply:
    """List API keys, also revoked and expired ones."""
    call.require(Permission.API_KEYS_MANAGE)
    user_id = None if query.user is None else users.get(call.connection, query.user).id
    found = api_keys.list_keys(call.connection, user_id)
    return Reply(body=ApiKeys(api_keys=[_shown(it) for it in found]))


@routes.operation("POST", "/api-keys", returns=NewApiKey, status=201, refuses=(404, 409), creates=True)
def create_api_key(call: Call, body: ApiKeyGiven) -> Reply:
    """Make an API key. It is shown only in this answer."""
    call.require(Permission.API_KEYS_MANAGE)
    user_id = None if body.user is None else users.get(call.connection, body.user).id
    made, text = api_keys.create(
        call.connection,
        call.keyring,
        user_id=user_id,
        label=body.label,
        permissions=body.permissions,
        expires_at=moment(body.expires_at, "expires_at"),
        actor=call.actor,
    )
    return Reply(body=NewApiKey(**dict(_shown(made)), key=text), location=f"/api-keys/{made.id}")


@routes.operation("GET", "/api-keys/{api_key_id}", returns=ApiKey)
def get_api_key(call: Call, api_key_id: Id) -> Reply:
    """Show an API key without the key itself."""
    call.require(Permission.API_KEYS_MANAGE)
    return Reply(body=_shown(api_keys.get(call.connection, api_key_id)))


@routes.operation("DELETE", "/api-keys/{api_key_id}")
def revoke_api_key(call: Call, api_key_id: Id) -> Reply:
    """Revoke an API key: it stops working at once."""
    api_keys.revoke(call.connection, api_key_id, actor=call.actor)
    return Reply()


def _shown(it: api_keys.ApiKey) -> ApiKey:
    return ApiKey(
        id=it.id,
        user=it.owner,
        label=it.label,
        permissions=sorted(it.permissions),
        created_at=it.created_at,
        expires_at=it.expires_at,
        last_used_at=it.last_used_at,
        revoked_at=it.revoked_at,
    )
