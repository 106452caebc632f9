# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/invitation and /users/{user}/password-reset: one-time links with which somebody sets a password."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from scheduling.access.one_time_links import Purpose
from scheduling.access.permissions import Permission
from scheduling.mail import invitations
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.values import Given, Shown, ShownMoment, Username

routes = Routes(
    tag="Invitations",
    about="One-time links with which people set a password. They are sent by mail if `[mail]` is set "
    "and the user has an e-mail address. Otherwise the answer holds the link. A new link ends "
    "the one before.",
)


class LinkGiven(Given):
    """How the link gets to its owner."""

    by_mail: bool = Field(default=True, description="False: the link is in the answer. Pass it on.")


class Link(Shown):
    """A link that was made."""

    mailed_to: str | None = Field(description="The address of the mail; null if no mail is sent.")
    url: str | None = Field(description="The link. It is shown only once. Null if it is sent by mail.")
    expires_at: ShownMoment


@routes.operation("POST", "/users/{user}/invitation", returns=Link, status=201, refuses=(409,), creates=True)
def invite_user(call: Call, user: Username, body: LinkGiven) -> Reply:
    """Invite a user who has no password yet.

    The link is good for seven days, once.
    """
    return _make(call, user, Purpose.INVITATION, body)


@routes.operation(
    "POST", "/users/{user}/password-reset", returns=Link, status=201, refuses=(409,), creates=True
)
def reset_password(call: Call, user: Username, body: LinkGiven) -> Reply:
    """Let a user set another password. The present one works until then.

    The link is good for one hour, once.
    """
    return _make(call, user, Purpose.PASSWORD_RESET, body)


def _make(call: Call, user: str, purpose: Purpose, body: LinkGiven) -> Reply:
    owner(call, user, Permission.USERS_MANAGE)
    made = invitations.make_link(
        call.connection,
        call.keyring,
        call.settings.config,
        user,
        purpose,
        root=call.settings.root,
        by_mail=body.by_mail,
        at=datetime.now(UTC),
        actor=call.actor,
    )
    return Reply(body=Link(mailed_to=made.mailed_to, url=made.url, expires_at=made.expires_at))
