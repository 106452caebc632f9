# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands with help like a manual page. Errors become a sentence and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

INTERRUPTED = 130
_SHORT = 120

Pairs = Sequence[tuple[str, str]]


class ManualCommand(click.Command):
    """A command with examples: pairs of a command line and what it does."""

    def __init__(self, *args: Any, examples: Pairs = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, after the options."""
        super().format_epilog(ctx, formatter)
        write_examples(formatter, self.examples)


class ManualGroup(click.Group):
    """A group that lists its commands under headings, and then examples and further sections of pairs.

    `headings` maps a heading to command names in the order to show; commands it does not name come last.
    """

    command_class = ManualCommand

    def __init__(
        self,
        *args: Any,
        headings: Mapping[str, Sequence[str]] | None = None,
        examples: Pairs = (),
        sections: Mapping[str, Pairs] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.headings = headings or {}
        self.examples = examples
        self.sections = sections or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their headings."""
        named = [name for names in self.headings.values() for name in names]
        rest = [name for name in self.list_commands(ctx) if name not in named]
        groups = {**self.headings, ("Other commands" if named else "Commands"): rest}
        for heading, names in groups.items():
            rows = [(name, self.summary(ctx, name)) for name in names]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names under the headings, then all others, each in the order they were given."""
        named = [name for names in self.headings.values() for name in names]
        return [*named, *(name for name in self.commands if name not in named)]

    def summary(self, ctx: click.Context, name: str) -> str:
        """The first sentence of a command's help."""
        command = self.get_command(ctx, name)
        assert command is not None, name
        return command.get_short_help_str(_SHORT)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples and the further sections."""
        super().format_epilog(ctx, formatter)
        write_examples(formatter, self.examples)
        for heading, pairs in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl(list(pairs))


@dataclass(frozen=True, kw_only=True, slots=True)
class Deferred:
    """A command that is imported when it runs: its module, the variable that holds it, and the first sentence of its
    help, which lists show without importing it.
    """

    module: str
    variable: str
    summary: str


class Program(ManualGroup):
    """The outermost group: an error is a sentence on standard error; `--debug` shows its traceback.

    `deferred` maps the names of commands to their places. They need not be added; each is imported when it is asked
    for.
    """

    def __init__(self, *args: Any, deferred: Mapping[str, Deferred] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deferred = deferred or {}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported if it is a deferred one; None where there is no such command."""
        place = self.deferred.get(cmd_name)
        if place is not None and cmd_name not in self.commands:
            self.add_command(getattr(importlib.import_module(place.module), place.variable), cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does. An unknown name is also compared with deferred commands."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            names = dict.fromkeys((*self.commands, *self.deferred))
            raise click.NoSuchCommand(error.command_name, possibilities=names, ctx=ctx) from None

    def summary(self, ctx: click.Context, name: str) -> str:
        """The first sentence of a command's help, without importing a deferred command."""
        place = self.deferred.get(name)
        return super().summary(ctx, name) if place is None else place.summary

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Errors leave as a `ClickException`."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(_sentence(error)) from error

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
        kwargs["standalone_mode"] = False
        try:
            result = super().main(*args, **kwargs)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else self.name
            click.echo(f"{error.format_message()} See `{path} --help`.", err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            click.echo(error.format_message(), err=True)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            sys.exit(INTERRUPTED)
        sys.exit(result if isinstance(result, int) else 0)


def write_examples(formatter: click.HelpFormatter, examples: Pairs) -> None:
    """A section of command lines, each below its description."""
    if not examples:
        return
    with formatter.section("Examples"):
        for number, (command, purpose) in enumerate(examples):
            if number:
                formatter.write_paragraph()
            formatter.write_text(purpose)
            formatter.write(f"{'':{formatter.current_indent + 2}}$ {command}\n")


def _sentence(error: Exception) -> str:
    """What to tell the operator. Unforeseen errors are only named: their text may quote a secret."""
    from scheduling.config.ini import ConfigError  # noqa: PLC0415 - `--version` needs none of them
    from scheduling.errors import SchedulingError  # noqa: PLC0415
    from server import advice  # noqa: PLC0415

    if isinstance(error, SchedulingError):
        return advice.sentence(error)
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or type(error).__name__}."
    return f"Unexpected {type(error).__name__}; run `daysheet --debug ...` for the details and report it."
