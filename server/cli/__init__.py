# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `daysheet` and its commands, one module per noun."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import click

from server.cli.calendars.availability import availability
from server.cli.calendars.conflict import conflict
from server.cli.calendars.feed import feed
from server.cli.operation.database import db
from server.cli.operation.demo import demo
from server.cli.operation.doctor import doctor
from server.cli.operation.importer import importer
from server.cli.operation.load import load
from server.cli.operation.secrets import secrets
from server.cli.operation.serve import serve, start
from server.cli.operation.settings import settings
from server.cli.operation.webhook import webhook
from server.cli.people.api_key import api_key
from server.cli.people.audit import audit
from server.cli.people.role import role
from server.cli.people.user import user
from server.cli.subscriptions.subscription import subscription
from server.cli.terminal.manual import Program
from server.cli.terminal.session import Session

__all__ = ["main"]


@click.group(
    cls=Program,
    name="daysheet",
    headings={
        "Running": ("start", "serve", "importer"),
        "Schedule": ("demo", "load", "conflict"),
        "People and their calendars": ("user", "feed", "subscription", "availability"),
        "Access": ("role", "api-key", "audit"),
        "Operation": ("doctor", "db", "settings", "secrets", "webhook"),
    },
    examples=(
        ("daysheet start", "Try Daysheet: a demo schedule, the server and the importer, all in one."),
        (
            "daysheet db upgrade && daysheet user add anna --time-zone Europe/Berlin",
            "Begin with a database of your own.",
        ),
        ("daysheet --config /etc/daysheet.ini doctor", "See whether everything is in order."),
    ),
    sections={
        "Environment": (
            ("DAYSHEET_CONFIG", "The settings file, where --config does not name one."),
            (
                "DAYSHEET_<SECTION>_<OPTION>",
                "One setting, over the file's; for example DAYSHEET_DATABASE_URL.",
            ),
            ("NO_COLOR", "Set to anything: no colours."),
        ),
        "Exit codes": (
            ("0", "Done."),
            ("1", "It could not be done; one sentence on standard error says why."),
            ("2", "The command line is wrong."),
            ("130", "Interrupted from the keyboard."),
        ),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The settings file; without one, DAYSHEET_CONFIG or the defaults.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=lambda context, _, wanted: _print_version(context) if wanted else None,
    help="Show the version and exit.",
)
@click.pass_context
def main(context: click.Context, config: Path | None, debug: bool) -> None:  # noqa: FBT001
    """Put a field-service schedule into every calendar app.

    Daysheet serves the jobs, blockers and time off in the scheduling database as read-only CalDAV calendars
    and as secret .ics links, and imports people's outside calendars so that they block their time.
    """
    context.obj = Session(config)


def _print_version(context: click.Context) -> None:
    try:
        version = metadata.version("daysheet")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"daysheet {version}")
    context.exit()


for _command in (
    start,
    serve,
    importer,
    demo,
    load,
    conflict,
    user,
    feed,
    subscription,
    availability,
    doctor,
    db,
    settings,
    secrets,
    webhook,
    role,
    api_key,
    audit,
):
    main.add_command(_command)
