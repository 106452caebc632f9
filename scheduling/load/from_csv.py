# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedule files as tables: one row per job, blocker or time off, with a header line (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from scheduling.load.cells import entry
from scheduling.schedule.columns import COLUMNS
from scheduling.schedule.entries import BadValue, Entry, Kind, LoadFailed, Reading
from scheduling.sentences import a, counted, did_you_mean

_DELIMITERS = (",", ";", "\t")
_STATED = re.compile(r'"?sep=([^"\w\s]|\t)"?', re.IGNORECASE)
"""The first line that Excel writes and reads."""
_EMPTY = "line 1: the file is empty; it needs a header line with the columns' names."
_KINDS = (Kind.JOB, Kind.BLOCKER, Kind.TIME_OFF)
_TIME_OFF_KIND = "time_off_kind"
_NAMES = ("kind", "reference", "users", "user", _TIME_OFF_KIND)
_COLUMNS = {name for kind in _KINDS for name in COLUMNS[kind]} | set(_NAMES)


def read(text: str) -> Reading:
    """The rows of the file, and the line of each mistake. Raises `LoadFailed` without a header that can be used."""
    problems: list[str] = []
    found: list[Entry] = []
    header: list[str] | None = None
    for line, cells in _lines(text, problems):
        if header is None:
            header = _header(line, cells)
            continue
        try:
            found.append(_entry(f"line {line}", header, cells))
        except BadValue as error:
            problems += [f"line {line}: {reason}." for reason in error.reasons]
    if header is None:
        raise LoadFailed(problems or [_EMPTY])
    return Reading(entries=found, problems=problems)


def _lines(text: str, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank, up to one that is not well-formed, which is added to
    `problems`. The cells are separated as a first line `sep=;` says, else by what the header has: commas, semicolons or
    tabs.
    """
    before, delimiter = 0, None
    first, _, rest = text.partition("\n")
    if stated := _STATED.fullmatch(first.rstrip("\r")):
        before, delimiter, text = 1, stated[1], rest
    if delimiter is None:
        delimiter = next((it for it in _DELIMITERS if it in first), _DELIMITERS[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1 + before
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1 + before
    except csv.Error as error:
        problems.append(f"line {line}: the row is not well-formed: {error}. What follows was not looked at.")


def _header(line: int, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    problems = [
        f'line {line}: there is no column "{name}"{did_you_mean(name, _COLUMNS)}.'
        for name in names
        if name not in _COLUMNS
    ]
    problems += [f'line {line}: the column "{name}" is missing.' for name in _NAMES[:2] if name not in names]
    if len(set(names)) < len(names):
        problems.append(f"line {line}: a column is given twice.")
    if problems:
        raise LoadFailed(problems)
    return names


def _entry(place: str, header: list[str], row: list[str]) -> Entry:
    if len(row) > len(header):
        raise BadValue(f"it has {counted(len(row), 'cell')}, the header only {len(header)}")
    cells = dict(zip(header, row + [""] * (len(header) - len(row)), strict=True))
    word = cells.pop("kind").strip().lower()
    if word not in _KINDS:
        raise BadValue(f'kind "{word[:40]}" is not one of {", ".join(_KINDS)}')
    kind = Kind(word)
    reference = cells.pop("reference").strip()
    named = [cells.pop(name) for name in ("users", "user") if name in cells]
    if _TIME_OFF_KIND in cells:
        absence = cells.pop(_TIME_OFF_KIND)
        if kind is Kind.TIME_OFF:
            cells["kind"] = absence
        elif absence.strip():
            raise BadValue(f"{_TIME_OFF_KIND} is not a column of {a(kind.noun)}")
    own = {name: cell for name, cell in cells.items() if name in COLUMNS[kind] or cell.strip()}
    users = tuple(name.strip() for name in ";".join(named).split(";") if name.strip())
    return entry(kind, place, reference, own, users=users if named else None)
