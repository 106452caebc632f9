# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet user`: people, their passwords, and whether they are served."""

from __future__ import annotations

from dataclasses import asdict

import click

from scheduling.access import credentials, users
from scheduling.access.one_time_links import Purpose
from scheduling.access.permissions import SUPER_ADMIN
from scheduling.database.types import Role
from server.cli.people import invitation
from server.cli.people.app_password import app_password
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_json, print_table
from server.cli.terminal.secret_input import read_password
from server.cli.terminal.session import Session, pass_session


@click.group(cls=ManualGroup)
def user() -> None:
    """Add and list users, set passwords, disable and enable."""


@user.command(
    "add",
    examples=(
        (
            'daysheet user add anna --display-name "Anna Müller" --time-zone Europe/Berlin',
            "Add a user who signs in with app passwords only.",
        ),
        (
            "daysheet user add dana --role dispatcher --password-stdin < password.txt",
            "Add one with a password.",
        ),
        (
            "daysheet user add adam --email adam@example.com --role super-admin",
            "Add the first administrator, who sets a password with the link that is printed.",
        ),
    ),
)
@click.argument("username")
@click.option("--display-name", default="", metavar="NAME", help="The name as people write it.")
@click.option("--email", metavar="ADDRESS", help="The e-mail address.")
@click.option(
    "--time-zone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    help="The user's IANA time zone.",
)
@click.option(
    "--role",
    default=Role.MEMBER.value,
    show_default=True,
    metavar="ROLE",
    help="What the user may do. `daysheet role list` lists the roles.",
)
@click.option("--password", "ask", is_flag=True, help="Ask for a password.")
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@click.option(
    "--invite",
    "invited",
    is_flag=True,
    help="Make the link with which the user sets a password. A super-admin without a password gets one anyway.",
)
@json_option
@pass_session
def add(
    session: Session,
    *,
    username: str,
    display_name: str,
    email: str | None,
    time_zone: str,
    role: str,
    ask: bool,
    password_stdin: bool,
    invited: bool,
    as_json: bool,
) -> None:
    """Add the user USERNAME.

    An invitation goes by mail where [mail] is set and the user has an e-mail address; else it is printed.
    """
    password = read_password(from_stdin=password_stdin) if ask or password_stdin else None
    with session.database.write() as connection:
        added = users.create(
            connection,
            username=username,
            display_name=display_name,
            email=email,
            time_zone=time_zone,
            role=role,
            actor=session.actor,
        )
        if password is not None:
            credentials.set_password(connection, added.id, password, actor=session.actor)
        brought = None
        if invited or (role == SUPER_ADMIN and password is None):
            brought = invitation.make(connection, session, username, Purpose.INVITATION)
    if as_json:
        print_json({**asdict(added), **({} if brought is None else {"invitation": asdict(brought)})})
        return
    click.echo(f"Added the user {username}.")
    if brought is not None:
        invitation.tell(username, "Invitation", brought)


@user.command("list")
@json_option
@pass_session
def list_(session: Session, *, as_json: bool) -> None:
    """List the users."""
    with session.database.read() as connection:
        found = users.list_users(connection)
    if as_json:
        print_json({"users": [asdict(one) for one in found]})
        return
    print_table(
        ("Username", "Name", "Role", "Time zone", "E-mail", "Active", "Calendars"),
        [
            (it.username, it.display_name, it.role, it.time_zone, it.email, it.active, it.calendar_access)
            for it in found
        ],
        empty="There are no users yet; `daysheet user add` adds one.",
    )


@user.command("password", examples=(("daysheet user password anna", "Change Anna's password."),))
@click.argument("username")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking."
)
@pass_session
def password(session: Session, *, username: str, password_stdin: bool) -> None:
    """Set the password of USERNAME. The old one stops working at once."""
    with session.database.read() as connection:
        user_id = users.get(connection, username).id
    new = read_password(from_stdin=password_stdin)
    with session.database.write() as connection:
        credentials.set_password(connection, user_id, new, actor=session.actor)
    click.echo(f"Set the password of {username}.")


@user.command("disable")
@click.argument("username")
@pass_session
def disable(session: Session, *, username: str) -> None:
    """Disable USERNAME: no calendars, no feeds, no sign-in."""
    with session.database.write() as connection:
        users.set_active(connection, username, active=False, actor=session.actor)
    click.echo(f"Disabled {username}.")


@user.command("enable")
@click.argument("username")
@pass_session
def enable(session: Session, *, username: str) -> None:
    """Enable USERNAME again."""
    with session.database.write() as connection:
        users.set_active(connection, username, active=True, actor=session.actor)
    click.echo(f"Enabled {username}.")


@user.command(
    "role", examples=(("daysheet user role dana dispatcher", "Let Dana read everybody's calendars."),)
)
@click.argument("username")
@click.argument("role")
@pass_session
def role(session: Session, *, username: str, role: str) -> None:
    """Give USERNAME the role ROLE."""
    with session.database.write() as connection:
        users.set_role(connection, username, role, actor=session.actor)
    click.echo(f"{username} is now {role}.")


@user.command(
    "access",
    examples=(("daysheet user access anna off", "Anna's plan does not include calendars any more."),),
)
@click.argument("username")
@click.argument("state", type=click.Choice(["on", "off"]))
@pass_session
def access(session: Session, *, username: str, state: str) -> None:
    """Give USERNAME calendar access or take it away.

    Without access, calendars and links show nothing. When you give it back, they work as before.
    """
    with session.database.write() as connection:
        users.set_access(connection, username, allowed=state == "on", actor=session.actor)
    click.echo(f"Calendar access of {username} is {state}.")


user.add_command(app_password)
for it in (invitation.invite, invitation.reset_link, invitation.sign_in_link):
    user.add_command(it)
