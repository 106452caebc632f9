# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading schedule files (CSV, JSON, iCalendar) into the contract tables, again and again without harm.

`read` turns a file into entries, `apply` brings the tables in line with them. iCalendar is understood by the importer,
which the caller passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scheduling.load import from_csv, from_json
from scheduling.schedule.apply import apply
from scheduling.schedule.entries import Counts, Entry, Format, Kind, LoadFailed, Reading, UserNeeded

__all__ = ["Counts", "Entry", "Format", "Kind", "LoadFailed", "Reading", "apply", "read"]


def read(
    content: bytes,
    file_format: Format,
    *,
    user: str | None = None,
    calendar: Callable[[bytes, str], Reading] | None = None,
) -> Reading:
    """The rows of a file, and its mistakes; `user` is the username of rows that name none. `calendar` reads iCalendar
    for a username (importer/loading.py). Raises `LoadFailed` for a file that is none of its format.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LoadFailed([f"line {line}: this is not UTF-8 text; save the file as UTF-8."]) from None
    if file_format is Format.ICS:
        if user is None:
            raise UserNeeded(["an .ics file names no user."])
        if calendar is None:
            raise LoadFailed(["calendars are not read here."])
        return calendar(content, user)
    reading = from_csv.read(text) if file_format is Format.CSV else from_json.read(text)
    if user is None:
        return reading
    entries = [
        replace(it, users=(user,)) if it.users is None and it.kind is not Kind.USER else it
        for it in reading.entries
    ]
    return replace(reading, entries=entries)
