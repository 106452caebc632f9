# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as options take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from server.cli.terminal.moments import Moment

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ("2026-11-20", "2026-11-20T00:00:00+00:00", "2026-11-20T23:59:59+00:00"),
        (" 20261120 ", "2026-11-20T00:00:00+00:00", "2026-11-20T23:59:59+00:00"),
        ("2026-11-20T09:30", "2026-11-20T09:30:00+00:00", None),
        ("2026-11-20 09:30:15", "2026-11-20T09:30:15+00:00", None),
        ("2026-11-20T09:30Z", "2026-11-20T09:30:00+00:00", None),
        ("2026-11-20T09:30+01:00", "2026-11-20T08:30:00+00:00", None),
    ],
)
def test_what_people_write_is_understood(given: str, start: str, end: str | None) -> None:
    assert Moment().convert(given, None, None).isoformat() == start
    assert Moment(ends_day=True).convert(given, None, None).isoformat() == (end or start)


@pytest.mark.parametrize(
    "given", ["", "yesterday", "%Y-%m-%d", "20.11.2026", "2026-13-01", "0001-01-01T00:00+14:00"]
)
def test_anything_else_is_refused_with_examples(given: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        Moment().convert(given, None, None)
    assert "2026-11-20T09:30+01:00" in refused.value.message


COMMANDS = (
    ("audit", "list", "--since"),
    ("audit", "list", "--until"),
    ("audit", "export", "--since"),
    ("conflict", "list", "--from"),
    ("conflict", "list", "--to"),
    ("feed", "create", "anna", "--expires"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_it_alike(daysheet: Daysheet, command: tuple[str, ...]) -> None:
    refused = daysheet.refusal(*command, "soon", expect=2)
    assert "'soon' is no date or time; examples are 2026-11-20, 2026-11-20T09:30 (UTC)" in refused
    help_ = daysheet.run(*command[:2], "--help").stdout
    assert "%Y" not in help_
