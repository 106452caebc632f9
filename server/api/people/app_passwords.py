# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/app-passwords: random passwords for calendar clients, and the user's main password."""

from __future__ import annotations

from pydantic import Field

from scheduling.access import credentials
from scheduling.access.permissions import Permission
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.values import Given, Id, Name, Shown, ShownMoment, Username

routes = Routes(tag="App passwords", about="Passwords for calendar clients, one for each device.")


class AppPasswordGiven(Given):
    """A new app password."""

    label: Name = Field(description="For example the device's name.")


class AppPassword(Shown):
    """An app password without its text."""

    id: int
    label: str
    created_at: ShownMoment
    last_used_at: ShownMoment | None = Field(description="Exact to about ten minutes.")
    revoked_at: ShownMoment | None


class NewAppPassword(AppPassword):
    """An app password with its text, which is shown this once."""

    password: str


class AppPasswords(Shown):
    """Every app password of a user, oldest first."""

    app_passwords: list[AppPassword]


@routes.operation("GET", "/users/{user}/app-passwords", returns=AppPasswords)
def list_app_passwords(call: Call, user: Username) -> Reply:
    """List a user's app passwords, also revoked ones."""
    found = owner(call, user, Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN)
    listed = [_shown(it) for it in credentials.list_app_passwords(call.connection, found.id)]
    return Reply(body=AppPasswords(app_passwords=listed))


@routes.operation(
    "POST", "/users/{user}/app-passwords", returns=NewAppPassword, status=201, refuses=(409,), creates=True
)
def create_app_password(call: Call, user: Username, body: AppPasswordGiven) -> Reply:
    """Make an app password.

    It is shown only in this answer. With an Idempotency-Key you can get a lost answer again.
    """
    found = owner(call, user, Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN)
    made, text = credentials.create_app_password(
        call.connection, call.keyring, found.id, body.label, actor=call.actor
    )
    shown = NewAppPassword(**dict(_shown(made)), password=text)
    return Reply(body=shown, location=f"/users/{user}/app-passwords/{made.id}")


@routes.operation("DELETE", "/users/{user}/app-passwords/{app_password_id}")
def revoke_app_password(call: Call, user: Username, app_password_id: Id) -> Reply:
    """Revoke an app password: it stops working at once."""
    found = owner(call, user, Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN)
    credentials.revoke_app_password(call.connection, found.id, app_password_id, actor=call.actor)
    return Reply()


def _shown(it: credentials.AppPassword) -> AppPassword:
    return AppPassword(
        id=it.id,
        label=it.label,
        created_at=it.created_at,
        last_used_at=it.last_used_at,
        revoked_at=it.revoked_at,
    )
