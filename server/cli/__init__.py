# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `daysheet` and its commands, one module per noun.

A command's module is imported when the command runs, so that no command pays for what another one needs.
"""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.terminal.manual import Deferred, Program

__all__ = ["COMMANDS", "main"]

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Running": {
        "start": (
            "operation.serve",
            "Try Daysheet: make a demo schedule at the first start, then run the server and the worker.",
        ),
        "serve": ("operation.serve", "Serve calendars over CalDAV and feeds over HTTP."),
        "worker": ("operation.worker", "Do the background work until interrupted."),
        "importer": ("operation.worker", "Do what `daysheet worker` does; this is its old name."),
    },
    "Schedule": {
        "demo": ("operation.demo", "Fill the database with a demo schedule, half of it before today."),
        "load": ("operation.load", "Load jobs, blockers and time off from a .csv, .json or .ics FILE."),
        "conflict": (
            "calendars.conflict",
            "List and acknowledge conflicts: jobs that overlap with something else of the same person.",
        ),
    },
    "People and their calendars": {
        "user": ("people.user", "Add and list users, set passwords, disable and enable."),
        "feed": ("calendars.feed", "Create, show, change, renew and revoke secret .ics links."),
        "subscription": (
            "subscriptions.subscription",
            "Import outside calendars by their address, and see their status.",
        ),
        "availability": ("calendars.availability", "See when people are busy, free or unknown."),
    },
    "Access": {
        "session": ("people.browser_session", "List and end the browsers that are signed in to the pages."),
        "role": ("people.role", "Show and edit roles and what they permit."),
        "api-key": (
            "people.api_key",
            "Create, list and revoke API keys, which scripts need for the REST API.",
        ),
        "audit": ("people.audit", "Read and export the audit log."),
    },
    "Operation": {
        "doctor": ("operation.doctor", "Check settings, key, database and calendars."),
        "db": ("operation.database", "Make, upgrade, maintain and back up the scheduling database."),
        "settings": ("operation.settings", "Show and change the settings kept in the database."),
        "secrets": (
            "operation.secrets",
            "Change the key that encrypts feed links, addresses of outside calendars and webhook secrets.",
        ),
        "webhook": (
            "operation.webhook",
            "Send signed HTTPS requests to other applications when something happens.",
        ),
    },
}
"""By heading and name: the module below `server.cli` and the first sentence of the help. The variable in the module
has the command's name, with `_` for `-`.
"""


@click.group(
    cls=Program,
    name="daysheet",
    headings={heading: tuple(commands) for heading, commands in COMMANDS.items()},
    deferred={
        name: Deferred(module=f"server.cli.{module}", variable=name.replace("-", "_"), summary=summary)
        for commands in COMMANDS.values()
        for name, (module, summary) in commands.items()
    },
    examples=(
        ("daysheet start", "Try Daysheet: a demo schedule, the server and the worker, all in one."),
        (
            "daysheet db upgrade && daysheet user add anna --time-zone Europe/Berlin",
            "Begin with a database of your own.",
        ),
        ("daysheet --config /etc/daysheet.ini doctor", "See whether everything is in order."),
    ),
    sections={
        "Environment": (
            ("DAYSHEET_CONFIG", "The settings file, unless --config names one."),
            (
                "DAYSHEET_<SECTION>_<OPTION>",
                "One setting. It counts more than the file. Example: DAYSHEET_DATABASE_URL.",
            ),
            ("NO_COLOR", "Any value switches colours off."),
        ),
        "Exit codes": (
            ("0", "Done."),
            ("1", "It failed. One sentence on standard error says why."),
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
    help="The settings file. Without it, DAYSHEET_CONFIG or the defaults count.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and warnings.")
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
    from server import log  # noqa: PLC0415 - not for `--help` and `--version`
    from server.cli.terminal.session import Session  # noqa: PLC0415

    if not debug:
        log.quieten()
    context.obj = Session(config)


def _print_version(context: click.Context) -> None:
    from importlib import metadata  # noqa: PLC0415 - it takes as long to load as everything else here

    try:
        version = metadata.version("daysheet")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"daysheet {version}")
    context.exit()
