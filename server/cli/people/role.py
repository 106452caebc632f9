# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet role`: what roles there are and what each permits."""

from __future__ import annotations

import click

from scheduling.access import permissions as granted
from scheduling.access import roles
from scheduling.access.roles import Role
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_facts, print_json, print_table
from server.cli.terminal.session import Session, pass_session

_PERMISSIONS = click.argument("permissions", nargs=-1, metavar="[PERMISSION]...")


@click.group(cls=ManualGroup)
def role() -> None:
    """Show and edit roles and what they permit.

    A change takes effect at the next request. The super-admin always has every permission.
    """


@role.command("list")
@json_option
@pass_session
def list_(session: Session, *, as_json: bool) -> None:
    """List the roles."""
    with session.database.read() as connection:
        found = roles.list_roles(connection)
    if as_json:
        print_json({"roles": [_facts(one) for one in found]})
        return
    print_table(
        ("Role", "For", "Built in", "Permissions", "Users"),
        [(it.name, it.description, it.built_in, len(it.permissions), it.users) for it in found],
        empty="There are no roles.",
    )


@role.command("show")
@click.argument("name")
@json_option
@pass_session
def show(session: Session, *, name: str, as_json: bool) -> None:
    """Show what the role NAME permits."""
    with session.database.read() as connection:
        found = roles.get(connection, name)
    if as_json:
        print_json(_facts(found))
        return
    print_facts(
        f"{found.name}: {found.description}" if found.description else found.name,
        [(it.value, it in found.permissions) for it in granted.Permission],
    )


@role.command(
    "set",
    examples=(
        (
            "daysheet role set dispatcher --add feeds.manage_all",
            "Let dispatchers manage everybody's links.",
        ),
        (
            "daysheet role set member feeds.view_own schedule.read_own",
            "Make these two a member's only permissions.",
        ),
    ),
)
@click.argument("name")
@_PERMISSIONS
@click.option(
    "--add", multiple=True, metavar="PERMISSION", help="Grant this permission; may be given several times."
)
@click.option(
    "--remove",
    multiple=True,
    metavar="PERMISSION",
    help="Withdraw this permission; may be given several times.",
)
@click.option("--description", metavar="TEXT", help="What the role is for.")
@pass_session
def set_(
    session: Session,
    *,
    name: str,
    permissions: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    description: str | None,
) -> None:
    """Set the permissions of the role NAME to PERMISSION..., or grant and withdraw single ones."""
    if permissions and (add or remove):
        raise click.UsageError("Give either all permissions, or --add and --remove.")
    with session.database.write() as connection:
        if permissions or add or remove:
            base = granted.parse(permissions) if permissions else roles.get(connection, name).permissions
            wanted = (base | granted.parse(add)) - granted.parse(remove)
            roles.set_permissions(connection, name, wanted, actor=session.actor)
        elif description is None:
            raise click.UsageError("Give at least one permission, or --description.")
        if description is not None:
            roles.describe(connection, name, description, actor=session.actor)
    click.echo(f"Set the role {name}.")


@role.command(
    "add",
    examples=(
        (
            'daysheet role add planner schedule.read_all schedule.write --description "Plans only"',
            "A role that plans but sees nobody's outside calendars.",
        ),
    ),
)
@click.argument("name")
@_PERMISSIONS
@click.option("--description", default="", metavar="TEXT", help="What the role is for.")
@pass_session
def add(session: Session, *, name: str, permissions: tuple[str, ...], description: str) -> None:
    """Add the role NAME with these permissions."""
    with session.database.write() as connection:
        roles.add(connection, name, granted.parse(permissions), description=description, actor=session.actor)
    click.echo(f"Added the role {name}.")


@role.command("remove")
@click.argument("name")
@pass_session
def remove(session: Session, *, name: str) -> None:
    """Remove the role NAME. No user may have it any more."""
    with session.database.write() as connection:
        roles.remove(connection, name, actor=session.actor)
    click.echo(f"Removed the role {name}.")


def _facts(one: Role) -> dict[str, object]:
    return {
        "name": one.name,
        "description": one.description,
        "built_in": one.built_in,
        "permissions": sorted(one.permissions),
        "users": one.users,
    }
