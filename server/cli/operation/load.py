# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet load`: schedule files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from scheduling import load as files
from scheduling.access import users
from scheduling.errors import NotFound
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_json, progress
from server.cli.terminal.session import Session, pass_session


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet load schedule.csv", "Jobs, blockers and time off from a table."),
        ("daysheet load blocked.ics --user anna", "Anna's blockers from another calendar program."),
        ("export-schedule | daysheet load - --format json", "From another program."),
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--user", metavar="USERNAME", help="The user of rows that name none.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice([it.value for it in files.Format]),
    help="The format, if the file's name does not end with it.",
)
@json_option
@pass_session
def load(session: Session, *, file: Path, user: str | None, file_format: str | None, as_json: bool) -> None:
    """Load jobs, blockers and time off from a .csv, .json or .ics FILE.

    "-" is standard input. Rows are recognised by their reference, so loading a file again changes nothing. If the file
    has mistakes, nothing is loaded and each mistake is reported with its line. docs/loading.md describes the formats.
    """
    if file_format is None:
        file_format = file.suffix.removeprefix(".").lower()
    if file_format not in list(files.Format):
        raise click.UsageError(f"The name {str(file)!r} does not end in .csv, .json or .ics: give --format.")
    with click.open_file(str(file), "rb") as stream:
        reading = files.read(
            stream.read(), files.Format(file_format), user=user, calendar=partial(_calendar, session)
        )
    for note in reading.notes:
        click.echo(f"Note: {note}", err=True)
    with progress("Loading", len(reading.entries)) as advance, session.database.write() as connection:
        counts = files.apply(
            connection, reading.entries, problems=reading.problems, progress=advance, actor=session.actor
        )
    if as_json:
        print_json(asdict(counts))
    else:
        click.echo(f"{counts.inserted} added, {counts.updated} changed, {counts.unchanged} unchanged.")


def _calendar(session: Session, body: bytes, username: str) -> files.Reading:
    """An iCalendar file, whose times without a zone are the user's."""
    from server import importing  # noqa: PLC0415 - it loads the importer and its HTTP client

    zone, email = "UTC", None
    with session.database.read() as connection, suppress(NotFound):  # that nobody is called so is told later
        user = users.get(connection, username)
        zone, email = user.time_zone, user.email
    return importing.schedule_of(body, username, time_zone=zone, email=email)
