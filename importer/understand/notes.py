# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions about an event of an outside calendar: a stable name for programs, a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling.subscriptions.unread import Gap


@dataclass(frozen=True, slots=True)
class Note:
    """One decision. `rule` is its name, listed in docs/importing.md. A `guess` is always reported to the owner. `gap`
    is time that the event may take but does not block.
    """

    rule: str
    sentence: str
    guess: bool = True
    gap: Gap | None = None
