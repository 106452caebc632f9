# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change so that the stored events become those seen; pure, by UID and content hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from importer.errors import SourceEmpty


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The UIDs to insert, update, delete and leave alone."""

    insert: frozenset[str]
    update: frozenset[str]
    delete: frozenset[str]
    unchanged: frozenset[str]


def plan(stored: Mapping[str, str], seen: Mapping[str, str]) -> Plan:
    """Compare two mappings of UID to content hash.

    Raises SourceEmpty when something is stored and nothing was seen: an emptied source is far more often a
    fault than a wish, and believing it would free the whole diary.
    """
    if stored and not seen:
        raise SourceEmpty(len(stored))
    both = stored.keys() & seen.keys()
    update = frozenset(uid for uid in both if stored[uid] != seen[uid])
    return Plan(
        insert=frozenset(seen.keys() - stored.keys()),
        update=update,
        delete=frozenset(stored.keys() - seen.keys()),
        unchanged=frozenset(both - update),
    )
