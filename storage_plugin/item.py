# SPDX-License-Identifier: GPL-3.0-or-later
"""A calendar object as Radicale's `Item`, answering everything from columns so that nothing is parsed but for filters
on properties (RFC 4791, section 9.7.2).
"""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any, Literal

import vobject
from radicale.item import Item
from radicale.item import filter as radicale_filter
from radicale.storage import BaseCollection

from scheduling.calendars.objects import StoredObject

logger = logging.getLogger(__name__)
_ZONE = "X-VOBJ-ORIGINAL-TZID"
"""Where vobject keeps the TZID of a date-time that it has read."""


class CalendarItem(Item):
    """Fully loaded: reports go on using it after the lock is gone. The base `__init__` is not called, since it
    sanitises the collection's path once per item, which costs more than everything else.
    """

    resource: Literal["object"] = "object"

    def __init__(self, collection: BaseCollection, calendar_id: int, stored: StoredObject) -> None:
        self.collection = collection
        self.href = stored.name
        self._stored = stored
        self._calendar_id = calendar_id
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

    @property
    def vobject_item(self) -> Any:
        """The parsed object, not kept: vobject needs a hundred times the room of the text."""
        return vobject.readOne(self.serialize()) if self._vobject_item is None else self._vobject_item

    def serialize(self) -> str:
        """The complete iCalendar object."""
        if self._text is None:
            self._text = self._stored.calendar
        return self._text

    def matches(self, conditions: Sequence[ET.Element]) -> bool:
        """Whether it matches every comp-filter of `conditions`. An object that cannot be read matches nothing: one bad
        row must not take the report down.
        """
        try:
            self._vobject_item = _with_zones(vobject.readOne(self.serialize()))
            return all(radicale_filter.comp_match(self, condition) for condition in conditions)
        except Exception as error:  # noqa: BLE001 (whatever a foreign parser raises)
            logger.warning(
                "left object %s of calendar %d out of a report: it cannot be read (%s)",
                self.href,
                self._calendar_id,
                type(error).__name__,
            )
            return False
        finally:
            self._vobject_item = None


def _with_zones(component: Any) -> Any:
    """The parsed component with the TZID parameters as its text has them (RFC 4791, section 9.7.3). vobject moves each
    one to a parameter of its own, where no param-filter finds it.
    """
    for child in component.getChildren():
        if isinstance(child, vobject.base.Component):
            _with_zones(child)
        elif _ZONE in child.params:
            child.params["TZID"] = child.params.pop(_ZONE)
    return component
