# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a feed on the command line: what was not given stays as it is, and `none` takes a limit away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from scheduling.feeds.options import OPTIONS, FeedOptions
from scheduling.feeds.sorts import Moment, Sort, Word, Words
from server.cli.terminal import moments as terminal

F = TypeVar("F", bound=Callable[..., Any])
_NONE = "none"


class _Number(click.ParamType[Any]):
    """A whole number in a range, or `none`, which is given on as that word."""

    name = "number"

    def __init__(self, most: int) -> None:
        self._range = click.IntRange(0, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or `none`."""
        return value if value == _NONE else self._range.convert(value, param, ctx)


class _Moment(terminal.Moment):
    """A date (its end, UTC), a moment, or `none`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The moment, or `none`."""
        return value if value == _NONE else super().convert(value, param, ctx)


def _option(name: str, sort: Sort) -> Callable[[F], F]:
    """The option of the command line for an option of feeds."""
    if isinstance(sort, Words):
        return click.option(
            f"--{sort.called}", name, multiple=True, type=click.Choice(sort.among), help=sort.doc
        )
    if isinstance(sort, Moment):
        return click.option(
            f"--{sort.flag}", name, type=_Moment(ends_day=True), metavar="DATE", help=sort.doc
        )
    flag = f"--{name.replace('_', '-')}"
    if isinstance(sort, Word):
        return click.option(flag, name, type=click.Choice(sort.among), help=sort.doc)
    return click.option(flag, name, type=_Number(sort.most), metavar="N", help=sort.doc)


def with_options(command: F) -> F:
    """Give a command the options of a feed; they reach it by the names of `FeedOptions`."""
    for name, sort in reversed(list(OPTIONS.items())):
        command = _option(name, sort)(command)
    return command


def chosen(before: FeedOptions, given: dict[str, Any]) -> FeedOptions:
    """`before` with what was given. Raises `Invalid`."""
    values = {name: value for name, value in given.items() if value not in (None, ())}
    changed: dict[str, Any] = {name: None if value == _NONE else value for name, value in values.items()}
    return replace(before, **changed)
