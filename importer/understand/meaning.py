# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the events of a feed: each new or changed event becomes an `ImportedEvent`, or a note why it was left out.

Events are read one by one. A bad event is skipped and the others are still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count, takewhile

from importer.errors import Unusable
from importer.understand import event, group, instances, render, values
from importer.understand.event import Details, ImportedEvent
from importer.understand.group import Component, Group
from importer.understand.notes import Note
from importer.understand.recurring.repetition import COVERING, MARK, MARK_UNREADABLE, Budget
from importer.understand.split import Block, Feed
from importer.understand.values import Property, Reader
from importer.understand.zones import Zones
from scheduling.subscriptions.facts import Skipped
from scheduling.subscriptions.unread import ALWAYS, Gap, merged

MOST_REPORTED = 100
_TAKE_TIME = frozenset({"DTSTART", "DTEND", "DURATION", "RDATE", "RECURRENCE-ID", "RRULE"})
"""Properties without which an event may take less time."""
_ZONED = re.compile(r"\n((?:DTSTART|DTEND|RECURRENCE-ID)[^:\n]*;TZID=[^\n]*):", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """`seen` maps each UID to its content hash. `events` are the events that differ from the stored ones.

    If a stored event is still in the feed but can no longer be read, `seen` keeps its stored hash, so the stored event
    stays. `skipped` and `warnings` hold at most 100 entries each. `gaps` is time that may be taken but that no event in
    `seen` blocks.
    """

    seen: Mapping[str, str]
    events: tuple[ImportedEvent, ...]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()


def understand(
    feed: Feed,
    *,
    default_zone: str,
    zone_is_given: bool = False,
    addresses: Set[str] = frozenset(),
    stored: Mapping[str, str],
    now: datetime,
    budget: Budget | None = None,
) -> Understood:
    """Read the events of a feed.

    `default_zone` is the IANA zone of whole days. It is also the zone of floating times if the calendar names no zone,
    or if `zone_is_given` says that `default_zone` was given for this calendar. `addresses` are the reader's own, in
    lower case; events that the reader declined do not block. `stored` maps the stored UIDs to their content hashes.
    `now` (aware) is the moment at which expansion is tried and time zones are compared.
    """
    zones = Zones(feed.zones, feed.calendar_zone, default_zone, now, is_given=zone_is_given)
    report = _Report()
    seen: dict[str, str] = {}
    events: list[ImportedEvent] = []
    for skipped in feed.skipped:
        report.skip(skipped.line, group.safe_uid(skipped.uid), skipped.reason)
        report.gaps.append(ALWAYS)
    budget = budget or Budget()
    guesses = _Guesses(zones)
    hasher = group.Hasher(zones.context, feed.zones, addresses)
    for uid, blocks in group.bundles(feed.events).items():
        if uid in stored and len(blocks) == 1 and stored[uid] == hasher.of_block(blocks[0]):
            seen[uid] = stored[uid]
            guesses.report(blocks[0], report)
            continue
        for item in group.groups(uid, blocks, addresses):
            digest = hasher.of(item)
            if stored.get(item.uid) == digest:
                seen |= _stored_pieces(item.uid, stored)
                for block in blocks:
                    guesses.report(block, report)
                continue
            try:
                found = imported(item, digest, zones, now, budget)
                for piece in found:
                    render.verify(render.render(piece)[0])
            except Unusable as error:
                report.skip(item.line, item.uid, error.reason)
                report.gaps += [] if (gap := skipped_gap(item, error)) is None else [gap]
                continue
            report.warn(item.line, _guesses(found[0].notes))
            report.gaps += found[0].gaps
            for piece in found:
                seen[piece.uid] = piece.content_hash
                if stored.get(piece.uid) != piece.content_hash:
                    events.append(piece)
    for uid in report.skipped_uids & stored.keys() - seen.keys():
        seen |= _stored_pieces(uid, stored)
    gaps = merged(report.gaps)
    return Understood(
        seen=seen,
        events=tuple(events),
        skipped=tuple(report.skipped),
        warnings=report.sentences(),
        gaps=gaps,
    )


def skipped_gap(item: Group, error: Unusable) -> Gap | None:
    """The time that an unreadable event may take. None if there is no such time."""
    return None if error.gap is None else _counting(item, error.gap)


def _counting(item: Group, gap: Gap) -> Gap | None:
    """The gap that an event leaves, if what the event says of itself lets the gap count."""
    effects = []
    for part in item.parts:
        properties = properties_of(part, [])
        if event.details(properties).status != "CANCELLED":
            effects.append(event.details(properties).busy)
    return replace(gap, shown_free=not any(effects)) if effects else None


def _stored_pieces(uid: str, stored: Mapping[str, str]) -> dict[str, str]:
    """The content hashes of a stored event, which may be in several pieces."""
    uids = chain([uid], (group.piece_uid(uid, number) for number in count(1)))
    return {it: stored[it] for it in takewhile(stored.__contains__, uids)}


def imported(
    item: Group, digest: str, zones: Zones, now: datetime, budget: Budget
) -> tuple[ImportedEvent, ...]:
    """One event with all its exceptions. Exceptions for all later instances divide it into several pieces; the first
    piece has all notes and gaps. If a newer version cannot be read, an older version counts, together with the gap that
    the newer one leaves.

    Raises Unusable when the event cannot be represented.
    """
    try:
        return _imported(item, digest, zones, now, budget)
    except Unusable as error:
        gap = skipped_gap(item, error)
        for part in item.older:
            if part.recurrence_id or item.master is None:
                continue
            note = Note("version-unreadable", f"Its newest version was left out: {error.reason}", gap=gap)
            older = replace(item, master=part, notes=(*item.notes, note))
            with suppress(Unusable):
                return _imported(older, digest, zones, now, budget)
        raise


def _imported(
    item: Group, digest: str, zones: Zones, now: datetime, budget: Budget
) -> tuple[ImportedEvent, ...]:
    notes = list(item.notes)
    reader = Reader(zones=zones, notes=notes, floating=zones.floating)
    overrides: list[event.Properties] = [properties_of(part, notes) for part in item.overrides]
    try:
        if item.master is not None:
            master: event.Properties = properties_of(item.master, notes)
        else:
            master, overrides = instances.without_master(overrides, reader)
            notes.append(Note("exceptions-alone", "It came as exceptions without their series.", guess=False))
        found = instances.series(master, overrides, reader, now, budget)
    except (ValueError, OverflowError):
        raise Unusable(
            "time-outside", "Its times are outside of the range that a calendar can hold."
        ) from None
    notes.append(event.effect(master))
    found_gaps = (_counting(item, note.gap) for note in notes if note.gap is not None)
    gaps = tuple(gap for gap in found_gaps if gap is not None)
    # An event with gaps is read every time, so that its gaps stay known while the event is in the feed.
    digest = f"!{digest[:-1]}" if gaps else digest
    whole = ImportedEvent(
        uid=item.uid,
        content_hash=digest,
        details=_marked(found[0].details, notes),
        series=found[0].series,
        overrides=found[0].overrides,
        notes=tuple(dict.fromkeys(notes)),
        gaps=gaps,
    )
    others = [
        replace(
            whole,
            uid=group.piece_uid(item.uid, number),
            content_hash=group.piece_hash(digest, number),
            details=_marked(piece.details, notes),
            series=piece.series,
            overrides=piece.overrides,
        )
        for number, piece in enumerate(found[1:], start=1)
    ]
    return (whole, *others)


def _marked(details: Details, notes: Iterable[Note]) -> Details:
    """The details, with a remark if the event blocks more than it says."""
    rules = {note.rule for note in notes}
    if not rules & COVERING:
        return details
    mark = MARK_UNREADABLE if "repetition-unreadable" in rules else MARK
    return replace(details, description=f"{mark}\n{details.description}".strip())


def _guesses(notes: Iterable[Note]) -> list[str]:
    return [note.sentence for note in notes if note.guess]


def properties_of(component: Component, notes: list[Note]) -> dict[str, list[Property]]:
    """The properties of one VEVENT by name. Lines that are no properties are noted."""
    found: dict[str, list[Property]] = {}
    for line in component.lines:
        try:
            item = values.parse_property(line)
        except ValueError:
            name = re.split("[;: ]", line, maxsplit=1)[0].upper()
            sentence = "A line that is not an iCalendar property was left out."
            notes.append(Note("line-unreadable", sentence, gap=ALWAYS if name in _TAKE_TIME else None))
        else:
            if item.is_rough:
                sentence = "A line is not written correctly and was read by its meaning."
                notes.append(Note("line-mended", sentence))
            found.setdefault(item.name, []).append(item)
    return found


class _Guesses:
    """The guesses about time zones in unchanged events. Unchanged events are not read for anything else."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._known: dict[str, str | None] = {}
        self._plain = "\n"  # the last TZID parameter that needed no guess; most in a calendar are equal

    def report(self, block: Block, report: _Report) -> None:
        """Report the zones that the block names and that had to be guessed."""
        named = block.text.count(";TZID=")
        if not named or named == block.text.count(self._plain):
            return
        for name in _ZONED.findall(block.text):
            if name not in self._known:
                self._known[name] = self._warning(name)
            if warning := self._known[name]:
                report.warn(block.line, (warning,))
            elif (at := name.find(";TZID=")) >= 0:
                self._plain = name[at:] + ":"

    def _warning(self, name: str) -> str | None:
        try:
            tzid = values.parse_property(f"{name}:20260101").parameters.get("TZID", "").strip()
        except ValueError:
            return None
        note = self._zones.resolve(tzid)[1] if tzid else None
        return note.sentence if note and note.guess else None


class _Report:
    """Gathers sentences for the owner: each sentence once, with the numbers of its lines."""

    def __init__(self) -> None:
        self.skipped: list[Skipped] = []
        self.skipped_uids: set[str] = set()
        self.gaps: list[Gap] = []
        self._lines: dict[str, list[int]] = {}

    def skip(self, line: int, uid: str | None, reason: str) -> None:
        if uid is not None:
            self.skipped_uids.add(uid)
        if len(self.skipped) < MOST_REPORTED:
            self.skipped.append(Skipped(line=line, uid=uid, reason=reason))

    def warn(self, line: int, sentences: Iterable[str]) -> None:
        for sentence in dict.fromkeys(sentences):
            if sentence in self._lines or len(self._lines) < MOST_REPORTED:
                self._lines.setdefault(sentence, []).append(line)

    def sentences(self) -> tuple[str, ...]:
        return tuple(f"{sentence} ({_places(lines)})" for sentence, lines in self._lines.items())


def _places(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"line {lines[0]} and {len(lines) - 1} more"
