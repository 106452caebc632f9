# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments in options: a date, or a date and a time, in UTC if no zone is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

_A_DATE = len("2026-11-20")


class Moment(click.ParamType[Any]):
    """An aware moment in UTC. A date alone is its start or, with `ends_day`, its end."""

    name = "time"

    def __init__(self, *, ends_day: bool = False) -> None:
        self._ends_day = ends_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment; wrong usage for any other text."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            given = datetime.fromisoformat(text)
            if self._ends_day and len(text) <= _A_DATE:
                given = given.replace(hour=23, minute=59, second=59)
            return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
        except (ValueError, OverflowError):
            examples = "2026-11-20, 2026-11-20T09:30 (UTC) or 2026-11-20T09:30+01:00"
            self.fail(f"{text[:40]!r} is no date or time; examples are {examples}.", param, ctx)
