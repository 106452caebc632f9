# SPDX-License-Identifier: GPL-3.0-or-later
"""What was decided about an event of an outside calendar: a stable name for programs, a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling.subscriptions.unread import Gap


@dataclass(frozen=True, slots=True)
class Note:
    """One decision. `rule` names it and is listed in docs/importing.md; a `guess` is worth telling the owner even when
    nobody asks why. `gap` is time that the event may take and does not block.
    """

    rule: str
    sentence: str
    guess: bool = True
    gap: Gap | None = None
