# SPDX-License-Identifier: GPL-3.0-or-later
"""Which VEVENTs of a feed are one event, and whether it changed (RFC 5545 sections 3.8.4.4, 3.8.4.7 and
3.8.7.4).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from importer.split import Block, uid_of
from importer.values import text

LONGEST_UID = 255
_VERSION = "1"
"""Raised when the same content is understood or rendered differently, so that every event is taken over
anew.
"""

_NAME = re.compile(r"[A-Za-z0-9-]+")
USED = frozenset(
    {
        "CATEGORIES", "DESCRIPTION", "DTEND", "DTSTART", "DURATION", "EXDATE", "EXRULE", "LOCATION", "RDATE",
        "RECURRENCE-ID", "RRULE", "STATUS", "SUMMARY", "TRANSP", "URL", "X-MICROSOFT-CDO-BUSYSTATUS",
    }
)  # fmt: skip
"""The properties that are taken over; all others, and noise such as DTSTAMP, change nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One VEVENT reduced to the used content lines, sorted; `recurrence_id` and `start` are such lines or
    ''.
    """

    line: int
    lines: tuple[str, ...] = field(repr=False)
    recurrence_id: str
    start: str
    sequence: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A master (None for exceptions without one) and its exceptions, under a UID that is safe to store."""

    uid: str
    master: Component | None
    overrides: tuple[Component, ...]
    warnings: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        """Where the event begins in the feed."""
        return min(part.line for part in self.parts)

    @property
    def parts(self) -> tuple[Component, ...]:
        """All its components, the master first."""
        return (self.master, *self.overrides) if self.master else self.overrides


def safe_uid(raw: str | None) -> str | None:
    """The UID to store for a raw UID value: itself, or a hash of one that is too long or unprintable; None
    for none.
    """
    uid = text(raw).strip() if raw else ""
    if not uid:
        return None
    if len(uid) > LONGEST_UID or not uid.isprintable():
        return f"{_digest([uid])[:40]}@hashed"
    return uid


def groups(blocks: Iterable[Block]) -> list[Group]:
    """Put components of one UID together; those without a UID get one from their content."""
    by_uid: dict[str, list[Component]] = {}
    for block in blocks:
        component = _component(block)
        uid = safe_uid(uid_of(block.lines)) or f"{_digest(component.lines)[:40]}@no-uid"
        by_uid.setdefault(uid, []).append(component)
    return [group for uid, components in by_uid.items() for group in _grouped(uid, components)]


def content_hash(group: Group, context: Iterable[str], zones: Mapping[str, tuple[str, ...]]) -> str:
    """A hash of everything that decides how an event is shown: its used lines, the context, the VTIMEZONEs
    it names.
    """
    parts = [_VERSION, *context]
    for component in sorted(group.parts, key=lambda part: (part.recurrence_id, part.lines)):
        parts += ["", *component.lines]
    for tzid, lines in zones.items():
        if any(tzid in line.partition(":")[0] for component in group.parts for line in component.lines):
            parts += ["", *lines]
    return _digest(parts)


def _component(block: Block) -> Component:
    used: list[str] = []
    facts = {"RECURRENCE-ID": "", "DTSTART": "", "SEQUENCE": ""}
    for line in block.lines:
        found = _NAME.match(line)
        name = found[0].upper() if found else ""
        if name in facts:
            facts[name] = line
        if name in USED:
            used.append(line)
    digits = facts["SEQUENCE"].rpartition(":")[2].strip()
    return Component(
        line=block.line,
        lines=tuple(sorted(used)),
        recurrence_id=facts["RECURRENCE-ID"],
        start=facts["DTSTART"],
        sequence=int(digits) if digits.isdecimal() and len(digits) < 10 else 0,
    )


def _grouped(uid: str, components: list[Component]) -> list[Group]:
    overrides = _newest((part for part in components if part.recurrence_id), "recurrence_id")
    masters = _newest((part for part in components if not part.recurrence_id), "start")
    if not masters:
        return [Group(uid=uid, master=None, overrides=tuple(overrides))]
    newest = max(part.sequence for part in masters)
    first, *others = sorted(
        (part for part in masters if part.sequence == newest), key=lambda part: part.start
    )
    warnings = ("Several events have the same UID; each was kept.",) if others else ()
    found = [Group(uid=uid, master=first, overrides=tuple(overrides), warnings=warnings)]
    found.extend(
        Group(uid=f"{_digest([uid, part.start])[:40]}@same-uid", master=part, overrides=()) for part in others
    )
    return found


def _newest(components: Iterable[Component], key: str) -> list[Component]:
    """Of components with the same value of `key`, the one with the highest SEQUENCE, the last of equals."""
    kept: dict[str, Component] = {}
    for part in components:
        other = kept.get(getattr(part, key))
        if other is None or part.sequence >= other.sequence:
            kept[getattr(part, key)] = part
    return list(kept.values())


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
