# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change so that the stored events become those seen, and whether to believe it; pure, by UID and content hash.

A source that loses its events is far more often at fault than meant, and believing it would free the whole diary.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

EMPTY, VANISHED, UIDS_CHANGED = "empty", "vanished", "uids-changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The UIDs to insert, update, delete and leave alone."""

    insert: frozenset[str]
    update: frozenset[str]
    delete: frozenset[str]
    unchanged: frozenset[str]

    @property
    def uids(self) -> list[str]:
        """Those of which something is to be written."""
        return [*self.delete, *self.update, *self.insert]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much may vanish at once: `percent` of the events still to come, where that is `minimum` events or more."""

    percent: int
    minimum: int


def plan(stored: Mapping[str, str], seen: Mapping[str, str]) -> Plan:
    """Compare two mappings of UID to content hash."""
    both = stored.keys() & seen.keys()
    update = frozenset(uid for uid in both if stored[uid] != seen[uid])
    return Plan(
        insert=frozenset(seen.keys() - stored.keys()),
        update=update,
        delete=frozenset(stored.keys() - seen.keys()),
        unchanged=frozenset(both - update),
    )


def doubts(
    stored: Mapping[str, str],
    seen: Mapping[str, str],
    ahead: Collection[str],
    limits: Limits,
    *,
    moved: bool = False,
) -> tuple[str, ...]:
    """Why `seen` should not replace `stored` unasked, the most telling first; empty where nothing speaks against it.

    Only events `ahead` (UIDs of those that have not ended) count: a source may forget the past. An event that is
    still there under another UID has not vanished, since some sources make up new UIDs each time. Where the source
    has `moved` to another address, other events are what is expected.
    """
    contents = set(seen.values())
    coming = [uid for uid in stored if uid in ahead]
    gone = [uid for uid in coming if uid not in seen and stored[uid] not in contents]
    if not gone:
        return ()
    if not seen:
        return (EMPTY,)
    if moved:
        return ()
    found = []
    if len(gone) == len(coming) > 1 and not stored.keys() & seen.keys():
        found.append(UIDS_CHANGED)
    if len(gone) >= limits.minimum and len(gone) * 100 > len(coming) * limits.percent:
        found.append(VANISHED)
    return tuple(found)
