# SPDX-License-Identifier: GPL-3.0-or-later
"""An imported event as a value: its texts, and when it blocks (RFC 5545 sections 3.8.1 and 3.8.2.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from importer.understand.notes import Note
from importer.understand.values import Property, text, texts
from scheduling.ical.series import Series
from scheduling.ical.text import clean
from scheduling.subscriptions.unread import Gap

_STATUSES = ("CONFIRMED", "TENTATIVE", "CANCELLED")
_LONGEST_SHORT = 1_000
_LONGEST_DESCRIPTION = 32_000
_LONGEST_URL = 2_000
_MOST_CATEGORIES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """What one VEVENT says besides its times. `busy` is '' or an FBTYPE that blocks (RFC 5545 section 3.2.9). It is ''
    with `shown_free` because Outlook's status says so, and with `declined` because the user declined. `classification`
    is CLASS if that is not PUBLIC.
    """

    summary: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    status: str = "CONFIRMED"
    busy: str = "BUSY"
    categories: tuple[str, ...] = ()
    shown_free: bool = False
    declined: bool = False
    classification: str = ""

    @property
    def transparency(self) -> str:
        """The TRANSP value that says the same as `busy`."""
        return "OPAQUE" if self.busy else "TRANSPARENT"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedEvent:
    """One event of an outside calendar. `overrides` holds the details of each key of `series.overrides`. `gaps` is time
    that the event may take but does not block.
    """

    uid: str
    content_hash: str
    details: Details
    series: Series
    overrides: Mapping[date, Details] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def all_day(self) -> bool:
        """Whether the event takes whole days, without a time."""
        return not isinstance(self.series.start, datetime)

    @property
    def recurring(self) -> bool:
        """Whether the event can have more than one occurrence."""
        return self.series.rule is not None or bool(self.series.rdates or self.series.overrides)


_WEAK = {
    "STATUS": ("CANCELLED", "TENTATIVE"),
    "TRANSP": ("TRANSPARENT",),
    "X-MICROSOFT-CDO-BUSYSTATUS": ("FREE", "TENTATIVE"),
    "CLASS": ("PUBLIC",),
}
"""For each property, the values that make an event block less, or tell less, than other values do."""
Properties = Mapping[str, Sequence[Property]]


def details(properties: Properties) -> Details:
    """Read the texts of one VEVENT and its effect on availability. Texts that are too long are cut."""
    status = _word(properties, "STATUS")
    return Details(
        summary=_text(properties, "SUMMARY", _LONGEST_SHORT).replace("\n", " ").strip(),
        description=_text(properties, "DESCRIPTION", _LONGEST_DESCRIPTION),
        location=_text(properties, "LOCATION", _LONGEST_SHORT),
        url=_url(properties),
        status=status if status in _STATUSES else "CONFIRMED",
        busy=_EFFECTS[_deciding(properties)][0],
        categories=tuple(
            clean(category)[:_LONGEST_SHORT]
            for item in properties.get("CATEGORIES", ())
            for category in texts(item.value)
        )[:_MOST_CATEGORIES],
        shown_free=_deciding(properties) == "busystatus-free",
        declined=_deciding(properties) == "attendee-declined",
        classification=_classification(properties),
    )


_EFFECTS = {
    "status-cancelled": ("", "It is cancelled, so it does not block."),
    "attendee-declined": ("", "The user has declined it, so it does not block."),
    "transp-transparent": ("", "It is marked as transparent, so it does not block."),
    "busystatus-free": ("", "Outlook shows the time as free, so it does not block."),
    "busystatus-oof": ("BUSY-UNAVAILABLE", "Outlook shows the time as out of office."),
    "status-tentative": ("BUSY-TENTATIVE", "It is tentative."),
    "busystatus-tentative": ("BUSY-TENTATIVE", "Outlook shows the time as tentative."),
    "opaque": ("BUSY", "Nothing says that it does not block."),
}


def effect(properties: Properties) -> Note:
    """Which rule decides whether and how one VEVENT blocks."""
    rule = _deciding(properties)
    return Note(rule, _EFFECTS[rule][1], guess=False)


def _deciding(properties: Properties) -> str:
    status, busy_status = _word(properties, "STATUS"), _word(properties, "X-MICROSOFT-CDO-BUSYSTATUS")
    if status == "CANCELLED":
        return "status-cancelled"
    if "ATTENDEE" in properties:  # kept only if the reader has declined
        return "attendee-declined"
    if _word(properties, "TRANSP") == "TRANSPARENT":
        return "transp-transparent"
    if busy_status in ("FREE", "OOF"):
        return f"busystatus-{busy_status.lower()}"
    if status == "TENTATIVE":
        return "status-tentative"
    return "busystatus-tentative" if busy_status == "TENTATIVE" else "opaque"


def _classification(properties: Properties) -> str:
    """CLASS. An unknown value counts as PRIVATE (RFC 5545, section 3.8.1.3)."""
    found = _word(properties, "CLASS")
    return "" if found in ("", "PUBLIC") else found if found == "CONFIDENTIAL" else "PRIVATE"


def _first(properties: Properties, name: str) -> str:
    found = properties.get(name)
    return found[0].value if found else ""


def _word(properties: Properties, name: str) -> str:
    """A property's value. If there are several, the one with which the event blocks most."""
    found = [item.value.strip().upper() for item in properties.get(name, ())]
    weak = _WEAK.get(name, ())
    return max(found, key=lambda it: weak.index(it) if it in weak else len(weak), default="")


def _text(properties: Properties, name: str, limit: int) -> str:
    return clean(text(_first(properties, name)))[:limit].strip()


def _url(properties: Properties) -> str:
    """A link worth showing: http(s) only, because clients run or open other schemes without asking."""
    url = _first(properties, "URL").strip()
    harmless = url.lower().startswith(("http://", "https://")) and url.isprintable() and " " not in url
    return url if harmless and len(url) <= _LONGEST_URL else ""
