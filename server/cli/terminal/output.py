# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands print: tables for people, JSON for scripts, and progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

_UNLIMITED = 10_000

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def print_json(value: Any) -> None:
    """`value` as JSON; moments are written in ISO 8601, UTC."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_encoded))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table whose cells are never cut. `empty` is printed instead of a table without rows."""
    # rich takes a tenth of a second to load, and only tables and bars need it.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    if not table.rows:
        click.echo(empty)
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED)
    console.print(table)


def print_facts(title: str, facts: Iterable[tuple[str, object]]) -> None:
    """A title and its facts, one per line and never folded, so that links can be copied."""
    rows = [(name, _shown(value)) for name, value in facts]
    width = max((len(name) for name, _ in rows), default=0)
    click.secho(title, bold=True)
    for name, value in rows:
        click.echo(f"  {name:<{width}}  {value}")


def moment(epoch: int | None) -> datetime | None:
    """An epoch second as it is printed."""
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the amount of new progress. It draws a bar on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value)


def _encoded(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")
