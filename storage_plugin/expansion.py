# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report wants expanded, and objects that carry their instances instead of their recurrence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scheduling.calendars.expansion import expanded
from scheduling.calendars.objects import HEAD, TAIL, StoredObject
from storage_plugin.item import CalendarItem

if TYPE_CHECKING:
    from storage_plugin.collection import CalendarCollection


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """What a report asks for: instances within [start, end) epoch seconds, of objects that overlap [after, before)."""

    start: int
    end: int
    after: int
    before: int


class ExpandedItem(CalendarItem):
    """An object whose text is that of its instances. Radicale expands components of type VEVENT itself, with vobject
    and only in part (no object without a time range, none by RDATE alone): this one says that it is none.
    """

    def __init__(self, collection: CalendarCollection, stored: StoredObject, expansion: Expansion) -> None:
        super().__init__(collection, stored)
        self._component_name = "VEVENT-INSTANCES"
        self.instances = expanded(stored, expansion.start, expansion.end)
        self._text = self.instances or HEAD + TAIL
