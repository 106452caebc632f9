# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet serve` and `daysheet start`: the server, and everything at once for trying Daysheet out."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from scheduling.access import one_time_links, users
from scheduling.access.one_time_links import Purpose
from scheduling.access.permissions import Actor
from scheduling.database import schema
from scheduling.database.types import Role
from scheduling.sentences import counted
from server import log, serving
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import print_facts, progress
from server.cli.terminal.session import Session, pass_session
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.operation.demo import DemoUser

_USERS, _JOBS, _SEED = 5, 40, 1
_ACCOUNTS = "demo-accounts.json"


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet serve", "Serve on the configured address until interrupted."),
        (
            "daysheet serve --host 0.0.0.0 --port 8080 --workers 4",
            "Reachable from elsewhere, with four processes.",
        ),
    ),
)
@click.option("--host", metavar="ADDRESS", help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that serve requests.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads in each process.")
@click.option(
    "--with-worker/--without-worker", default=False, help="Run the background worker beside the server."
)
@click.option(
    "--importer/--no-importer", "with_importer", default=False, help="The old name of --with-worker."
)
@pass_session
def serve(
    session: Session,
    *,
    host: str | None,
    port: int | None,
    workers: int | None,
    threads: int | None,
    with_worker: bool,
    with_importer: bool,
) -> None:
    """Serve calendars over CalDAV and feeds over HTTP.

    Options count more than the settings. Before others use it, put a reverse proxy with TLS in front.
    """
    settings = _overridden(session.settings, host, port, workers, threads)
    log.configure(settings.server.log_level)

    def ready(addresses: list[str]) -> None:
        click.echo(f"Serving {_urls(settings, addresses)} with {counted(settings.server.workers, 'worker')}.")

    serving.serve(settings, with_worker=with_worker or with_importer, ready=ready)


@click.command(
    cls=ManualCommand,
    examples=(("daysheet start", "Make the database, fill it with a demo schedule, run server and worker."),),
)
@click.option("--host", metavar="ADDRESS", help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@pass_session
def start(session: Session, *, host: str | None, port: int | None) -> None:
    """Try Daysheet: make a demo schedule at the first start, then run the server and the worker.

    The demo accounts are stored beside the database. Only you can read the file. Every start prints them.
    """
    settings = _overridden(session.settings, host, port, None, None)
    log.configure(settings.server.log_level)
    schema.upgrade(settings.database())
    accounts = _accounts(settings, session.actor)
    doors = _sign_in_links(settings, accounts, session.actor)

    def ready(addresses: list[str]) -> None:
        base = settings.server.public_url or f"http://{addresses[0]}"
        for account in accounts:
            print_facts(
                f"{account.display_name} ({account.role})",
                [
                    ("user", account.username),
                    ("app password", account.app_password),
                    ("CalDAV", _at(base, account.caldav_url)),
                    ("feed", _at(base, account.feed_url)),
                ],
            )
        if doors:
            print_facts(
                "Sign in to the pages; each link is good once, for an hour",
                [(f"{who} ({role})", f"{base.rstrip('/')}{path}") for who, role, path in doors],
            )
        click.echo(
            f"\nServing {_urls(settings, addresses)}: add it as a CalDAV account in a calendar app, or open it in a "
            "browser. Ctrl-C stops."
        )

    serving.serve(settings, with_worker=True, ready=ready)


def _at(base: str, url: str) -> str:
    """A URL that an earlier start may have stored, changed to the present address."""
    return f"{base.rstrip('/')}{urlsplit(url).path}"


def _urls(settings: Settings, addresses: list[str]) -> str:
    """The addresses to show: the configured one, and those on which the server really listens."""
    given = settings.server.public_url
    urls = [*([f"{given.rstrip('/')}/"] if given else []), *(f"http://{it}/" for it in addresses)]
    return " and ".join(dict.fromkeys(urls))


def _overridden(
    settings: Settings, host: str | None, port: int | None, workers: int | None, threads: int | None
) -> Settings:
    it = settings.server
    server = dataclasses.replace(
        it,
        host=it.host if host is None else host,
        port=it.port if port is None else port,
        workers=it.workers if workers is None else workers,
        threads=it.threads if threads is None else threads,
    )
    return dataclasses.replace(settings, server=server)


def _accounts(settings: Settings, actor: Actor) -> list[DemoUser]:
    """The demo accounts: made at the first start, read from the file later. None if the users are not the demo's."""
    from server.cli.operation.demo import DemoUser, create, is_empty  # noqa: PLC0415 - `serve` makes no demo

    kept = (settings.database().path or settings.config.key_path()).with_name(_ACCOUNTS)
    if is_empty(settings):
        with progress("Making a demo schedule", _USERS * _JOBS) as advance:
            accounts = create(
                settings, users_wanted=_USERS, jobs=_JOBS, seed=_SEED, progress=advance, actor=actor
            )
        _keep(kept, accounts)
        return accounts
    if not kept.exists():
        return []
    return [DemoUser(**account) for account in json.loads(kept.read_text(encoding="utf-8"))]


def _sign_in_links(settings: Settings, accounts: list[DemoUser], actor: Actor) -> list[tuple[str, str, str]]:
    """The accounts to show: one demo user of each role, the one with the most permissions first."""
    if not accounts:
        return []
    made = []
    ours, at = {it.username for it in accounts}, datetime.now(UTC)
    with settings.database().write() as connection:
        there = [it for it in users.list_users(connection) if it.username in ours and it.active]
        for role in (Role.ADMIN, Role.DISPATCHER, Role.MEMBER):
            for user in [it for it in there if it.role == role][:1]:
                token = one_time_links.make(
                    connection, settings.keyring(), user.id, Purpose.SIGN_IN, at=at, actor=actor
                )
                made.append((user.username, user.role, one_time_links.path_of(token)))
    return made


def _keep(path: Path, accounts: list[DemoUser]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump([asdict(account) for account in accounts], file, ensure_ascii=False, indent=2)
