# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of one VEVENT, even if its meaning can be guessed (RFC 5545, section 3.6.1)."""

from __future__ import annotations

from importer.errors import Unusable
from importer.understand import values
from importer.understand.group import Component
from importer.understand.meaning import properties_of
from importer.understand.values import Moment, Reader
from importer.understand.zones import Zones

_DATED = ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "STATUS", "TRANSP", "SUMMARY")
_UNKNOWN = frozenset({"zone-of-calendar", "zone-of-subscription"})


def title_of(part: Component) -> str:
    """The SUMMARY of the event, or an empty text."""
    found = properties_of(part, []).get("SUMMARY")
    return " ".join(values.text(found[0].value).split()) if found else ""


def mistakes(part: Component, zones: Zones) -> list[str]:
    """All faults of the event, each as a sentence without a full stop."""
    properties = properties_of(part, [])
    reader = Reader(zones=zones, notes=[], floating=zones.floating)
    found = [f"it has {name} more than once" for name in _ONCE if len(properties.get(name, ())) > 1]
    if "DTSTART" not in properties and not ("RECURRENCE-ID" in properties and _is_cancelled(part)):
        found.append("it has no DTSTART")
    moments: dict[str, Moment] = {}
    for name in _DATED:
        for value, item in values.values(properties.get(name, ()), values.MOST_LISTED)[0]:
            tzid = item.parameters.get("TZID", "").strip()
            if tzid and zones.resolve(tzid)[1].rule in _UNKNOWN:
                found.append(f'the time zone "{tzid[:60]}" is not known')
                continue
            try:
                moments[name] = reader.moment(value.partition("/")[0], item.parameters)
            except Unusable as error:
                reason = error.reason.rstrip(".")
                found.append(f"{name} cannot be read: {reason[:100]}")
    found += [
        f"DURATION cannot be read: '{item.value[:40]}' is not a duration"
        for item in properties.get("DURATION", ())
        if values.duration(item.value) is None
    ]
    if "DTEND" in properties and "DURATION" in properties:
        found.append("it has both DTEND and DURATION")
    start, end = moments.get("DTSTART"), moments.get("DTEND")
    if start is not None and end is not None and start.timed != end.timed:
        found.append("one of DTSTART and DTEND is a date, the other a date-time")
    return list(dict.fromkeys(found))


def _is_cancelled(part: Component) -> bool:
    return any(line.upper().replace(" ", "") == "STATUS:CANCELLED" for line in part.lines)
