# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet api-key`: the secrets of scripts that use the REST API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from scheduling.access import api_keys, users
from scheduling.access import permissions as granted
from scheduling.access.api_keys import ApiKey
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, print_facts, print_json, print_table
from server.cli.terminal.session import Session, pass_session


@click.group("api-key", cls=ManualGroup)
def api_key() -> None:
    """Create, list and revoke API keys, which scripts need for the REST API."""


@api_key.command(
    "create",
    examples=(
        (
            'daysheet api-key create --label "Dispatch export" schedule.read_all schedule.write',
            "A key of the installation that reads and writes the schedule.",
        ),
        (
            "daysheet api-key create --user anna --days 30 --label Widget schedule.read_own",
            "A key of Anna's for a month.",
        ),
    ),
)
@click.argument("permissions", nargs=-1, required=True, metavar="PERMISSION...")
@click.option("--label", required=True, metavar="TEXT", help="What the key is for.")
@click.option(
    "--user",
    "username",
    metavar="USERNAME",
    help="The owner. The key never permits more than this user's role. Without it, the key is the installation's.",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), metavar="N", help="Expire after N days. Without it, never."
)
@json_option
@pass_session
def create(
    session: Session,
    *,
    permissions: tuple[str, ...],
    label: str,
    username: str | None,
    days: int | None,
    as_json: bool,
) -> None:
    """Create a key with these permissions. It is shown only once."""
    expires_at = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    with session.database.write() as connection:
        owner = None if username is None else users.get(connection, username)
        key, secret = api_keys.create(
            connection,
            session.keyring,
            user_id=None if owner is None else owner.id,
            label=label,
            permissions=granted.parse(permissions),
            expires_at=expires_at,
            actor=session.actor,
        )
    if as_json:
        print_json({**_facts(key), "api_key": secret})
        return
    print_facts(
        f"API key {key.id}; it is not shown again",
        [
            ("label", key.label),
            ("owner", key.owner),
            ("permissions", " ".join(sorted(key.permissions))),
            ("expires", key.expires_at),
            ("key", secret),
        ],
    )


@api_key.command("list")
@click.argument("username", required=False)
@json_option
@pass_session
def list_(session: Session, *, username: str | None, as_json: bool) -> None:
    """List the keys of USERNAME or all keys, also revoked and expired ones."""
    with session.database.read() as connection:
        user_id = None if username is None else users.get(connection, username).id
        found = api_keys.list_keys(connection, user_id)
    if as_json:
        print_json({"api_keys": [_facts(one) for one in found]})
        return
    print_table(
        ("Id", "Label", "Owner", "Permissions", "Expires", "Last used", "Revoked"),
        [
            (
                it.id,
                it.label,
                it.owner,
                " ".join(sorted(it.permissions)),
                it.expires_at,
                it.last_used_at,
                it.revoked_at,
            )
            for it in found
        ],
        empty="There are no API keys; `daysheet api-key create` makes one.",
    )


@api_key.command("revoke")
@click.argument("number", type=int, metavar="ID")
@pass_session
def revoke(session: Session, *, number: int) -> None:
    """Revoke the key ID. It stops working at once."""
    with session.database.write() as connection:
        api_keys.revoke(connection, number, actor=session.actor)
    click.echo(f"Revoked API key {number}.")


def _facts(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "label": key.label,
        "owner": key.owner,
        "permissions": sorted(key.permissions),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
