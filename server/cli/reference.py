# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/command-line.md, written from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import click

from server.cli.terminal.manual import ManualCommand, ManualGroup

_HEAD = """\
# Command line

`daysheet --help` and `daysheet COMMAND --help` say the same in the terminal. This page is written from the
commands; after a change to them, `python -m server.cli.reference > docs/command-line.md` writes it anew.
"""


def render(program: ManualGroup) -> str:
    """The page in Markdown: the program, then every command below it in the order of its help."""
    context = click.Context(program, info_name=program.name, **program.context_settings)
    return _HEAD + "".join(_page(program, context))


def commands(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command below a group with its context, groups before their commands."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        below = click.Context(command, info_name=name, parent=context)
        yield command, below
        if isinstance(command, click.Group):
            yield from commands(command, below)


def _page(program: ManualGroup, context: click.Context) -> Iterator[str]:
    yield from _section(program, context)
    for heading, pairs in program.sections.items():
        yield f"\n{heading}:\n\n" + _table(pairs)
    for command, below in commands(program, context):
        yield from _section(command, below)


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"\n## {context.command_path}\n\n    {usage}\n\n{inspect.cleandoc(command.help or '')}\n"
    records = [param.get_help_record(context) for param in command.get_params(context)]
    options = [record for record in records if record is not None and not record[0].startswith("-h")]
    if options:
        yield "\n" + _table(options)
    if isinstance(command, ManualCommand | ManualGroup) and command.examples:
        lines = "\n\n".join(f"    # {purpose}\n    {line}" for line, purpose in command.examples)
        yield f"\n{lines}\n"


def _table(pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"| `{name}` | {text.replace('|', chr(92) + '|')} |\n" for name, text in pairs)
    return f"| | |\n|---|---|\n{rows}"


if __name__ == "__main__":
    from server.cli import main

    assert isinstance(main, ManualGroup)
    click.echo(render(main), nl=False)
