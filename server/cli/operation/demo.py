# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet demo`: a made-up schedule to try Daysheet with, and the ways into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

import click

from scheduling.access import credentials, users
from scheduling.access.permissions import Actor
from scheduling.database import schema
from scheduling.demo.schedule import fill
from scheduling.feeds import feeds
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_facts, print_json, progress
from server.cli.terminal.session import Session, pass_session
from server.settings import Settings

LABEL = "Demo"


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoUser:
    """A demo user with what a calendar app needs: an app password and the two addresses."""

    username: str
    display_name: str
    role: str
    app_password: str = field(repr=False)
    caldav_url: str
    feed_url: str = field(repr=False)


def create(
    settings: Settings,
    *,
    users_wanted: int,
    jobs: int,
    seed: int,
    progress: Callable[[int], None],
    actor: Actor,
) -> list[DemoUser]:
    """Add the demo schedule in one transaction, with an app password and a feed for each user.

    Raises `Conflict` where a demo schedule is already.
    """
    keyring = settings.keyring()
    with settings.database().write() as connection:
        ids = set(
            fill(
                connection,
                users=users_wanted,
                jobs_per_user=jobs,
                seed=seed,
                today=datetime.now(UTC).date(),
                progress=progress,
            )
        )
        made = []
        for user in sorted(users.list_users(connection), key=lambda one: one.id):
            if user.id in ids:
                _, app_password = credentials.create_app_password(
                    connection, keyring, user.id, LABEL, actor=actor
                )
                _, token = feeds.create(connection, keyring, user.id, LABEL, actor=actor)
                made.append(
                    DemoUser(
                        username=user.username,
                        display_name=user.display_name,
                        role=user.role,
                        app_password=app_password,
                        caldav_url=settings.url(f"/dav/{quote(user.username)}/"),
                        feed_url=settings.url(feeds.path_of(token)),
                    )
                )
    return made


def is_empty(settings: Settings) -> bool:
    """Whether there are no users yet."""
    with settings.database().read() as connection:
        return users.count(connection) == 0


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet demo", "Five users with forty jobs each."),
        ("daysheet demo --users 100 --jobs 1000 --json > users.json", "A large schedule, for measuring."),
    ),
)
@click.option(
    "--users", "users_wanted", type=click.IntRange(1), default=5, show_default=True, help="How many users."
)
@click.option("--jobs", type=click.IntRange(0), default=40, show_default=True, help="Jobs of each user.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number makes another schedule.")
@click.option("--if-empty", is_flag=True, help="Do nothing when there are users already.")
@json_option
@pass_session
def demo(session: Session, *, users_wanted: int, jobs: int, seed: int, if_empty: bool, as_json: bool) -> None:
    """Fill the database with a demo schedule, half of it before today.

    The database is made or upgraded first. The app passwords are shown only once.
    """
    schema.upgrade(session.settings.database())
    made: list[DemoUser] = []
    if not if_empty or is_empty(session.settings):
        with progress("Making jobs", users_wanted * jobs) as advance:
            made = create(
                session.settings,
                users_wanted=users_wanted,
                jobs=jobs,
                seed=seed,
                progress=advance,
                actor=session.actor,
            )
    if as_json:
        print_json({"users": [asdict(one) for one in made]})
    elif not made:
        click.echo("The database has users already; nothing was added.")
    for one in [] if as_json else made:
        print_facts(
            f"{one.username}  {one.display_name} ({one.role})",
            [("app password", one.app_password), ("CalDAV", one.caldav_url), ("feed", one.feed_url)],
        )
