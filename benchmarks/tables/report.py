# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the figures for people, with the machine they were taken on, and putting them into a document."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Figures as text; the first column says of what."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As `markdown`."""
        return markdown(self.head, self.rows)


def machine() -> str:
    """One line on what was measured where and when."""
    libraries = ", ".join(found for name in _LIBRARIES if (found := _library(name)))
    kernel = platform.release().partition("-")[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, Linux {kernel},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}."
    )


def _library(name: str) -> str:
    """Its name and version; nothing where it is not installed, as peers of another benchmark need not be."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def progress(line: str) -> None:
    """Say how far a run is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr)


def parsed(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, names: Iterable[str]
) -> argparse.Namespace:
    """The arguments, with those of `publish`. Raises ValueError where the document has no place for one of `names`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the tables between the markers in there"
    )
    given = parser.parse_args(arguments)
    if given.markdown:
        require(given.markdown, names)
    return given


def publish(given: argparse.Namespace, texts: Mapping[str, str], figures: Mapping[str, Any]) -> None:
    """Print the texts, and write them by the names of their places, and the figures, where `given` says."""
    print("\n\n".join(texts.values()))
    if given.json:
        write_json(given.json, figures)
    if given.markdown:
        put_all(given.markdown, texts)


def write_json(file: Path, figures: Mapping[str, Any]) -> None:
    """The figures and the machine."""
    text = json.dumps({"machine": machine(), **figures}, indent=2)
    file.write_text(f"{text}\n", encoding="utf-8")


def put_all(document: Path, texts: Mapping[str, str]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` for every name. The document is replaced
    whole, or stays as it is. Raises ValueError where a place is missing.
    """
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
