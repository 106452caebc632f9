# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses for objects in reports. The common text is put together once for a request.

A response is the object's name, its entity tag and its calendar data, between texts that are equal for all objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from xml.sax.saxutils import escape

from scheduling.calendars.expansion import expanded, limited
from scheduling.calendars.objects import HEAD, TAIL, StoredObject, zone_texts
from scheduling.ical.partial import select
from server.dav.fast.properties import OBJECT_TYPE, element
from server.dav.fast.recognise import DATA, ETAG, TYPE, Data

OK = "<status>HTTP/1.1 200 OK</status></propstat>"
MISSING = "<status>HTTP/1.1 404 Not Found</status>"
_HEAD = escape(HEAD)
_STATIC = {TYPE: f"<getcontenttype>{OBJECT_TYPE}</getcontenttype>"}


def propstats(shown: Sequence[tuple[str, str | None]], minimal: bool) -> str:  # noqa: FBT001
    """The propstats of properties and their elements. An element is None for a missing property; `minimal` leaves
    missing properties out (RFC 8144, section 2.1).
    """
    found = "".join(it for _, it in shown if it is not None)
    missing = "" if minimal else "".join(element(name) for name, it in shown if it is None)
    text = f"<propstat><prop>{found}</prop>{OK}" if found or (minimal and not missing) else ""
    return f"{text}<propstat><prop>{missing}</prop>{MISSING}</propstat>" if missing else text


def gone(href: str) -> str:
    """The response for a missing object. `href` is markup."""
    return f"<response><href>{href}</href>{MISSING}</response>"


class ObjectWriter:
    """Writes responses with the properties `names`, at least one, in their order; `href`, the calendar's, is markup.
    With `every`, objects without an instance in the range of an expansion are written too, without a component.
    """

    def __init__(
        self,
        href: str,
        names: Sequence[str],
        data: Data,
        *,
        minimal: bool,
        every: bool = False,
        static: dict[str, str] | None = None,
    ) -> None:
        known = _STATIC if static is None else static
        # The marks stand for the parts that differ between objects. No other text holds a NUL.
        marks = {ETAG: "<getetag>\x00E\x00</getetag>"}
        if static is None:  # calendar-data is no property (RFC 4791, section 9.6)
            marks[DATA] = "<C:calendar-data>\x00D\x00</C:calendar-data>"
        shown = [(name, marks.get(name, known.get(name))) for name in names]
        text = f"<response><href>{href}\x00N\x00</href>{propstats(shown, minimal)}</response>"
        self._texts = text.split("\x00")[::2]
        self._order = "".join(text.split("\x00")[1::2])
        self._data = data
        self._without_instances = HEAD + TAIL if every else ""
        self.reads_objects = "D" in self._order

    @property
    def listing(self) -> tuple[str, str, str | None]:
        """The texts before the name, between the name and the entity tag, and after the entity tag. The last is None if
        no entity tag is requested. For a writer that does not read objects.
        """
        before, between, *behind = self._texts
        return before, between, behind[0] if behind else None

    def named(self, name: str, etag: str) -> str:
        """The response for an object if only its name and entity tag are needed."""
        before, between, behind = self.listing
        return before + name + between if behind is None else before + name + between + etag + behind

    def write(self, stored: StoredObject) -> str | None:
        """The response for an object. None if its expansion leaves no instance."""
        if not self.reads_objects:
            return self.named(stored.name, stored.etag)
        data = self._text(stored)
        if not data:
            return None
        texts = self._texts
        if self._order == "NED":
            return f"{texts[0]}{stored.name}{texts[1]}{stored.etag}{texts[2]}{data}{texts[3]}"
        values = {"N": stored.name, "E": stored.etag, "D": data}
        return texts[0] + "".join(
            [values[mark] + text for mark, text in zip(self._order, texts[1:], strict=True)]
        )

    def _text(self, stored: StoredObject) -> str:
        """The calendar data as markup."""
        data = self._data
        if data.expand is None and data.recurrence is None and data.part is None:
            return f"{_before(stored.timezones)}{escape(stored.component)}{TAIL}"
        if data.expand is not None:
            text = expanded(stored, *data.expand) or self._without_instances
        elif data.recurrence is not None:
            text = limited(stored, *data.recurrence)
        else:
            text = stored.calendar
        return escape(text if data.part is None or not text else select(text, data.part))


@lru_cache(maxsize=64)
def _before(timezones: str) -> str:
    return _HEAD + escape(zone_texts(timezones.split()))
