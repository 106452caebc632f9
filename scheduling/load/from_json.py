# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedule files as JSON: lists of users, jobs, blockers and time off, with the contract's columns."""

from __future__ import annotations

import json
from typing import Any

from scheduling.load.cells import entry
from scheduling.schedule.columns import COLUMNS
from scheduling.schedule.entries import LISTS, BadValue, Entry, Kind, LoadFailed, Reading
from scheduling.sentences import did_you_mean

_LISTED = ("rdate", "exdate")


def read(text: str) -> Reading:
    """The rows of the file, users first, and the place of each mistake. Raises `LoadFailed` for another file."""
    try:
        document = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_once
        )
    except json.JSONDecodeError as error:
        raise LoadFailed([f"line {error.lineno}: this is not JSON: {error.msg}."]) from None
    except RecursionError:
        raise LoadFailed(["line 1: the JSON is nested too deeply."]) from None
    if not isinstance(document, dict):
        raise LoadFailed([f"line 1: the file has to be an object with {', '.join(LISTS)}."])
    problems = [
        f'there is no list "{name}"{did_you_mean(name, LISTS)}.' for name in document if name not in LISTS
    ]
    found: list[Entry] = []
    unknown = False
    for name, kind in LISTS.items():
        items = document.get(name, [])
        if not isinstance(items, list):
            problems.append(f"{name}: this has to be a list.")
            continue
        for number, item in enumerate(items, start=1):
            place = f"{name}, entry {number}"
            try:
                found.append(_entry(kind, place, item))
            except BadValue as error:
                problems += [f"{place}: {reason}." for reason in error.reasons]
        if kind is Kind.USER and problems:
            # Who belongs to the other rows is not known, so nothing is looked up; what they say is still read.
            unknown = True
    if unknown:
        raise LoadFailed(problems)
    return Reading(entries=found, problems=problems)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, whose names are all different; of two alike, JSON readers would take one in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LoadFailed([f'the name "{twice[:40]}" is given twice in the same object.'])
    return found


def _entry(kind: Kind, place: str, item: Any) -> Entry:
    if not isinstance(item, dict):
        raise BadValue("it has to be an object")
    cells = dict(item)
    key = _text("reference", cells.pop("username" if kind is Kind.USER else "reference", None))
    users = None
    if kind is not Kind.USER:
        named = [_names(name, cells.pop(name)) for name in ("users", "user") if name in cells]
        users = tuple(name for names in named for name in names) if named else None
    # What is not known is refused by its name, whatever its value is.
    texts = {
        name: ",".join(_names(name, cell)) if name in _LISTED else _text(name, cell)
        for name, cell in cells.items()
        if name in COLUMNS[kind]
    }
    texts |= dict.fromkeys(cells.keys() - texts.keys(), "")
    return entry(kind, place, key.strip(), texts, users=users)


def _names(name: str, cell: Any) -> list[str]:
    """A list of texts, or one text with the items separated by semicolons."""
    items = cell if isinstance(cell, list) else _text(name, cell).split(";")
    texts = [_text(name, item).strip() for item in items]
    return [text for text in texts if text]


def _text(name: str, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    raise BadValue(f"{name} has to be a text, a number, yes or no")
