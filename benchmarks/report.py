# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the figures for people, with the machine they were taken on, and putting them into a document."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("radicale", "xandikos", "granian", "sqlalchemy", "psycopg")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns but the first are numbers, aligned in plain text too."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [_line([cell.ljust(width) for cell, width in zip(head, widths, strict=True)])]
    lines.append(_line(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]))
    for first, *numbers in rows:
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append(_line([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)


def machine() -> str:
    """One line on what was measured where and when."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    kernel = platform.release().partition("-")[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, Linux {kernel},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}."
    )


def put(document: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`. Raises ValueError without these."""
    put_all(document, {name: text})


def put_all(document: Path, texts: Mapping[str, str]) -> None:
    """As `put` with several names: the document is replaced whole, or stays as it is."""
    written = document.read_text(encoding="utf-8")
    for name, text in texts.items():
        written = _replaced(document, written, name, text)
    with tempfile.TemporaryDirectory(prefix=".figures-", dir=document.parent) as folder:
        new = Path(folder, document.name)
        new.write_text(written, encoding="utf-8")
        new.replace(document)


def require(document: Path, names: Iterable[str]) -> None:
    """Raises ValueError where the document has no place for one of these."""
    written = document.read_text(encoding="utf-8")
    for name in names:
        _replaced(document, written, name, "")


def _replaced(document: Path, written: str, name: str, text: str) -> str:
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = written.partition(opening)
    _, closed, after = rest.partition(closing)
    if not (opened and closed):
        raise ValueError(
            f"{document} has no {opening} ... {closing}; add the two lines where the figures shall stand."
        )
    return f"{before}{opening}\n\n{text}\n\n{closing}{after}"


def milliseconds(seconds: float) -> str:
    """Three digits or so."""
    value = seconds * 1000
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float) -> str:
    """A ratio, without a fraction that would say nothing."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
