# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords and secret links from a prompt or from standard input, where no one else can see them."""

from __future__ import annotations

import sys
from pathlib import Path

import click


def read_password(*, from_stdin: bool) -> str:
    """A new password: the first line of standard input, or typed twice. Raises `UsageError` for none."""
    if from_stdin:
        return read_line("password")
    return str(click.prompt("New password", hide_input=True, confirmation_prompt="Again", err=True))


def read_link(of: str = "the calendar") -> str:
    """A secret link, typed or pasted without being shown."""
    return str(click.prompt(f"Address of {of} (not shown)", hide_input=True, err=True)).strip()


def read_line(what: str) -> str:
    """The first line of standard input. Raises `UsageError` when there is none."""
    line: str = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"Standard input contains no {what}.")
    return line


def read_file(file: Path) -> str:
    """The content of a file without its last line end. Raises `UsageError` if it is no text."""
    try:
        return file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{file} is not a readable file of UTF-8 text.") from None
