# SPDX-License-Identifier: GPL-3.0-or-later
"""A calendar object as Radicale's `Item`, answering everything from columns so that nothing is parsed."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from radicale.item import Item

from scheduling.objects import StoredObject

if TYPE_CHECKING:
    from storage_plugin.collection import CalendarCollection


class CalendarItem(Item):
    """Fully loaded: reports go on using it after the lock is gone. The base `__init__` is not called, since it
    sanitises the collection's path once per item, which costs more than everything else."""

    def __init__(self, collection: CalendarCollection, stored: StoredObject) -> None:
        self.collection = collection
        self.href = stored.name
        self._stored = stored
        self._collection_path = collection.path
        self._text: str | None = None
        self._vobject_item: Any = None
        self._etag = stored.etag
        self._uid = stored.uid
        self._name = "VCALENDAR"
        self._component_name = "VEVENT"
        self._time_range = (stored.starts_at, stored.ends_at)

    @property
    def last_modified(self) -> str:  # type: ignore[override]
        """HTTP-date of the object's last change."""
        return formatdate(self._stored.changed_at, usegmt=True)

    def serialize(self) -> str:
        """The complete iCalendar object."""
        if self._text is None:
            self._text = self._stored.calendar
        return self._text
