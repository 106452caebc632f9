# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of an iCalendar object: only certain components and properties (CALDAV:comp, RFC 4791, section 9.6.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What of a component is wanted: names of properties and parts of sub-components, None for all of them."""

    properties: frozenset[str] | None
    components: Mapping[str, Part] | None


EVERYTHING = Part(properties=None, components=None)


def select(calendar: str, part: Part) -> str:
    """The wanted part of the VCALENDAR in `calendar`, folded as it is."""
    return "".join(_lines(calendar.splitlines(keepends=True), part))


def _lines(physical: Iterable[str], part: Part) -> Iterator[str]:
    wanted: list[Part | None] = []
    keep = False
    for line in physical:
        if line.startswith((" ", "\t")):
            if keep:
                yield line
            continue
        name, _, value = line.rstrip("\r\n").partition(":")
        if name == "BEGIN":
            wanted.append(_child(wanted[-1], value) if wanted else part)
        keep = _is_wanted(wanted[-1] if wanted else None, name.partition(";")[0])
        if keep:
            yield line
        if name == "END" and wanted:
            wanted.pop()


def _child(parent: Part | None, name: str) -> Part | None:
    if parent is None:
        return None
    return EVERYTHING if parent.components is None else parent.components.get(name)


def _is_wanted(part: Part | None, name: str) -> bool:
    if part is None:
        return False
    return name in ("BEGIN", "END") or part.properties is None or name in part.properties
