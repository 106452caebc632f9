# SPDX-License-Identifier: GPL-3.0-or-later
"""Which VEVENTs of a feed are one event, and whether it changed (RFC 5545 sections 3.8.4.4, 3.8.4.7 and
3.8.7.4).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from importer.understand import attendees
from importer.understand.notes import Note
from importer.understand.split import MAX_LINE, Block, uid_of
from importer.understand.values import text

LONGEST_UID = 255
NO_UID = "@no-uid"
"""The suffix of the UID that is made for an event without one."""
USED = frozenset(
    {
        "CATEGORIES", "CLASS", "DESCRIPTION", "DTEND", "DTSTART", "DURATION", "EXDATE", "EXRULE", "LOCATION", "RDATE",
        "RECURRENCE-ID", "RRULE", "STATUS", "SUMMARY", "TRANSP", "URL", "X-MICROSOFT-CDO-BUSYSTATUS",
    }
)  # fmt: skip
"""The properties that are taken over. All others are ignored when events are compared: DTSTAMP is new in every fetch,
Google rewrites CREATED and LAST-MODIFIED, Exchange increases SEQUENCE without a change, and attendees and X-properties
come in any order.
"""
_USED_LINE = re.compile(rf"\n((?:{'|'.join(sorted(USED))})(?![A-Za-z0-9-])[^\n]*)", re.IGNORECASE)
_TEXTS = re.compile(r"(?:CATEGORIES|CLASS|DESCRIPTION|LOCATION|SUMMARY|URL)[:;]", re.IGNORECASE)
_SEQUENCE = re.compile(r"\nSEQUENCE[^:\n]*:[ \t]*([0-9]{1,9})[ \t]*(?:\n|$)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One VEVENT reduced to the used content lines, sorted. `recurrence_id` and `start` are content lines, or '' if
    absent.
    """

    line: int
    lines: tuple[str, ...] = field(repr=False)
    recurrence_id: str
    start: str
    sequence: int

    @property
    def times(self) -> tuple[str, ...]:
        """The lines that decide the time of the event."""
        return tuple(line for line in self.lines if not _TEXTS.match(line))


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A master (None for exceptions without one) and its exceptions, under a UID that is safe to store. `older` holds
    the versions that these replace, the newest first. They are used if the newer ones cannot be read.
    """

    uid: str
    master: Component | None
    overrides: tuple[Component, ...]
    notes: tuple[Note, ...] = ()
    older: tuple[Component, ...] = ()

    @property
    def line(self) -> int:
        """The position in the feed at which the event begins."""
        return min(part.line for part in self.parts)

    @property
    def parts(self) -> tuple[Component, ...]:
        """All components of the event, the master first."""
        return (self.master, *self.overrides) if self.master else self.overrides


def safe_uid(raw: str | None) -> str | None:
    """The UID to store for a raw UID value: the value itself, or its hash if it is too long or unprintable. None if
    there is no value.
    """
    uid = text(raw).strip() if raw else ""
    if not uid:
        return None
    if len(uid) > LONGEST_UID or not uid.isprintable():
        return f"{_digest([uid])[:40]}@hashed"
    return uid


def piece_uid(uid: str, number: int) -> str:
    """The UID of an additional piece of an event, counted from 1. A change of all later instances makes a separate
    series.
    """
    return f"{_digest([uid, str(number)])[:40]}@and-future"


def piece_hash(digest: str, number: int) -> str:
    """The content hash of an additional piece of an event with the hash `digest`."""
    return _digest([digest, str(number)])


def bundles(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    """The blocks by the UID to store. A block without a UID gets one made from its content."""
    found: dict[str, list[Block]] = {}
    for block in blocks:
        uid = safe_uid(uid_of(block.text)) or f"{_digest(_used(block))[:40]}{NO_UID}"
        found.setdefault(uid, []).append(block)
    return found


def groups(uid: str, blocks: Iterable[Block], addresses: Set[str] = frozenset()) -> list[Group]:
    """The events described by the blocks of one UID: usually one, but several if a program used a UID twice.
    `addresses` are the reader's own.
    """
    return _grouped(uid, [_component(block, addresses) for block in blocks])


class Hasher:
    """Hashes everything that decides how an event is shown: its used lines, the context, its VTIMEZONEs."""

    def __init__(
        self,
        context: Iterable[str],
        zones: Mapping[str, tuple[str, ...]],
        addresses: Set[str] = frozenset(),
    ) -> None:
        self._addresses = addresses
        self._head = "\n".join([*context, ""])
        self._zones = [(tzid, f"\n\n{_digest(lines)}") for tzid, lines in zones.items()]

    def of_block(self, block: Block) -> str:
        """The hash of an event that consists of this block alone. No `Group` is made for it."""
        return self._of(["\n".join(_used(block, self._addresses))])

    def of(self, group: Group) -> str:
        """The hash of an event."""
        ordered = sorted(group.parts, key=lambda part: (part.recurrence_id, part.lines))
        older = ["\n".join([str(part.sequence), *part.lines]) for part in group.older]
        return self._of([*("\n".join(part.lines) for part in ordered), *older])

    def _of(self, parts: list[str]) -> str:
        content = "\n\n".join(parts)
        zones = "".join([lines for tzid, lines in self._zones if tzid in content])
        return _digest([self._head, content, zones])


def _used(block: Block, addresses: Set[str] = frozenset()) -> list[str]:
    """The used content lines, sorted. Attendees are reduced to one line if the reader has declined."""
    lines: list[str] = _USED_LINE.findall(block.text)
    if addresses and attendees.declined(block.text, addresses):
        lines.append(attendees.DECLINED)
    if len(block.text) > MAX_LINE:
        lines = [line[:MAX_LINE] for line in lines]
    lines.sort()
    return lines


def _component(block: Block, addresses: Set[str]) -> Component:
    lines = _used(block, addresses)
    sequence = _SEQUENCE.search(block.text)
    return Component(
        line=block.line,
        lines=tuple(lines),
        recurrence_id=_last(lines, "RECURRENCE-ID"),
        start=_last(lines, "DTSTART"),
        sequence=int(sequence[1]) if sequence else 0,
    )


def _last(lines: list[str], name: str) -> str:
    return next((line for line in reversed(lines) if line[: len(name)].upper() == name), "")


def _grouped(uid: str, components: list[Component]) -> list[Group]:
    overrides, others, older = _newest((part for part in components if part.recurrence_id), "recurrence_id")
    masters = [part for part in components if not part.recurrence_id]
    first: Component | None = None
    if masters:
        latest, twins, replaced = _newest(masters, "start")
        newest = max(part.sequence for part in latest)
        replaced += sorted(
            (part for part in latest if part.sequence < newest), key=lambda part: part.sequence, reverse=True
        )
        first, *distinct = sorted(
            (part for part in latest if part.sequence == newest), key=lambda part: part.start
        )
        others += [*distinct, *(part for part in twins if part.sequence == newest)]
        older = [*sorted(replaced, key=lambda part: -part.sequence), *older]
    notes = (Note("uid-shared", "Several events have the same UID; each was kept."),) if others else ()
    found = [
        Group(uid=uid, master=first, overrides=tuple(overrides), notes=notes, older=tuple(older)),
    ]
    starts = Counter(part.start for part in (*others, *([first] if first else ())))
    for part in others:
        lines = (part.start,) if not part.recurrence_id and starts[part.start] == 1 else part.lines
        found.append(
            Group(
                uid=f"{_digest([uid, *lines])[:40]}@same-uid",
                master=None if part.recurrence_id else part,
                overrides=(part,) if part.recurrence_id else (),
            )
        )
    return found


def _newest(
    components: Iterable[Component], key: str
) -> tuple[list[Component], list[Component], list[Component]]:
    """Returns three lists of components: the main one of each `key`, others that count beside it, and replaced ones.
    Among components with the same `key`, those with the highest SEQUENCE count. If several of these take the same time,
    only the last counts. If they take different times, all count, because nothing says which one is right.
    """
    kept: dict[str, list[Component]] = {}
    replaced: list[Component] = []
    for part in components:
        same = kept.setdefault(getattr(part, key), [])
        if not same or part.sequence > same[0].sequence:
            replaced = [*same, *replaced]
            kept[getattr(part, key)] = [part]
        elif part.sequence < same[0].sequence:
            replaced.append(part)
        else:
            same[:] = [it for it in same if it.times != part.times] + [part]
    found = kept.values()
    return [it[-1] for it in found], [twin for it in found for twin in it[:-1]], replaced


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
