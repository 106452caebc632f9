# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/command-line.md is what the commands say of themselves, and every one of them says enough."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from server.cli import main
from server.cli.reference import commands, render
from server.cli.terminal.manual import ManualCommand, ManualGroup, Program

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"
PROGRAM = click.Context(main, info_name="daysheet", **main.context_settings)
COMMANDS = [
    pytest.param(command, context, id=context.command_path) for command, context in commands(main, PROGRAM)
]


def test_the_page_is_what_the_commands_say() -> None:
    assert isinstance(main, ManualGroup)
    assert PAGE.read_text(encoding="utf-8") == render(main), (
        "run `python -m server.cli.reference > docs/command-line.md`"
    )


@pytest.mark.parametrize(("command", "context"), COMMANDS)
def test_every_command_and_option_is_on_the_page(command: click.Command, context: click.Context) -> None:
    _, _, section = PAGE.read_text(encoding="utf-8").partition(f"\n## {context.command_path}\n")
    section = section.partition("\n## ")[0]
    assert section
    for param in command.params:
        if isinstance(param, click.Option):
            assert f"`{param.opts[-1]}" in section, param.name
        else:
            assert param.make_metavar(context) in section


@pytest.mark.parametrize(("command", "context"), COMMANDS)
def test_every_command_and_option_is_explained(command: click.Command, context: click.Context) -> None:
    assert isinstance(command, ManualCommand | ManualGroup), context.command_path
    assert command.help
    assert not command.get_short_help_str(120).endswith("...")
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, param.name


def test_help_lists_every_command_under_a_heading() -> None:
    assert isinstance(main, Program)
    named = [name for names in main.headings.values() for name in names]
    assert sorted(named) == sorted({*main.commands, *main.deferred})
