# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a feed on the command line: what was not given stays as it is, and `none` takes a limit away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from scheduling.feeds.options import (
    DETAILS,
    KINDS,
    NUMBERS,
    USUAL_KINDS,
    FeedOptions,
)

F = TypeVar("F", bound=Callable[..., Any])
_NONE = "none"
_RESTRICTED = " and ".join(it for it in KINDS if it not in USUAL_KINDS)


class _Number(click.ParamType[Any]):
    """A whole number in a range, or `none`, which is given on as that word."""

    name = "number"

    def __init__(self, most: int) -> None:
        self._range = click.IntRange(0, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or `none`."""
        return value if value == _NONE else self._range.convert(value, param, ctx)


class _Expiry(click.ParamType[Any]):
    """A date (its end, UTC), a moment in ISO 8601, or `none`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The moment, or `none`."""
        if value == _NONE or isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2027-01-31 or a moment in ISO 8601.", param, ctx)
        if len(value) == len("2027-01-31"):
            moment = moment.replace(hour=23, minute=59, second=59)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


_OPTIONS = (
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice(KINDS),
        help=f"What it shows; may be given several times. Without it, everything but {_RESTRICTED}.",
    ),
    click.option("--detail", type=click.Choice(DETAILS), help="Everything, or only when the user is busy."),
    *(
        click.option(f"--{name.replace('_', '-')}", type=_Number(number.most), metavar="N", help=number.doc)
        for name, number in NUMBERS.items()
    ),
    click.option(
        "--expires",
        "expires_at",
        type=_Expiry(),
        metavar="DATE",
        help="The last day (UTC) of the link, or a moment; none: no end.",
    ),
)


def with_options(command: F) -> F:
    """Give a command the options of a feed; they reach it by the names of `FeedOptions`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(before: FeedOptions, given: dict[str, Any]) -> FeedOptions:
    """`before` with what was given. Raises `Invalid`."""
    values = {name: value for name, value in given.items() if value not in (None, ())}
    changed: dict[str, Any] = {name: None if value == _NONE else value for name, value in values.items()}
    return replace(before, **changed)
