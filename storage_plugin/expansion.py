# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that carry their instances instead of their recurrence."""

from __future__ import annotations

from radicale.storage import BaseCollection

from scheduling.calendars.expansion import expanded
from scheduling.calendars.objects import HEAD, TAIL, StoredObject
from scheduling.ports import Expansion
from storage_plugin.item import CalendarItem


class ExpandedItem(CalendarItem):
    """An object whose text is that of its instances. Radicale expands components of type VEVENT itself, with vobject
    and only in part (no object without a time range, none by RDATE alone): this one says that it is none.
    """

    def __init__(
        self, collection: BaseCollection, calendar_id: int, stored: StoredObject, expansion: Expansion
    ) -> None:
        super().__init__(collection, calendar_id, stored)
        self._component_name = "VEVENT-INSTANCES"
        self.instances = expanded(stored, expansion.start, expansion.end)
        self._text = self.instances or HEAD + TAIL
