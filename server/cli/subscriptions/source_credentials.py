# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which commands are told what the server of an outside calendar asks for beside its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from scheduling.subscriptions.credentials import Credentials
from server.cli.terminal.secret_input import read_file

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--auth",
        type=click.Choice(("basic", "bearer", "header")),
        help="How to sign in to the server. The command asks for the secret.",
    ),
    click.option(
        "--auth-name", metavar="NAME", help="For basic the user name, for header the header's name."
    ),
    click.option(
        "--secret-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read the secret from FILE.",
    ),
)


def with_credentials(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options: `auth`, `auth_name` and `secret_file`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def credentials_of(auth: str | None, name: str | None, file: Path | None) -> Credentials | None:
    """The credentials that the options say, the secret prompted for without a file; None where they say none."""
    if auth is None:
        if name or file:
            raise click.UsageError("Give the kind of credentials with --auth.")
        return None
    if file is not None:
        secret = read_file(file)
    else:
        secret = str(click.prompt("Password, token or value (not shown)", hide_input=True, err=True))
    return Credentials(kind=auth, name=name or "", secret=secret)  # type: ignore[arg-type]
