# SPDX-License-Identifier: GPL-3.0-or-later
"""Repetition rules as programs write them, made into RECUR text (RFC 5545, section 3.3.10; vCalendar 1.0, section
2.1.12 "Recurrence Rule").

A part with a plain meaning is used. A part without one is left out, so that the rule repeats more often or longer,
never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from importer.understand import spellings
from importer.understand.recurring import vcalendar_rule
from scheduling.ical.rules import MAX_INTERVAL, WEEKDAYS

_PREFIX = re.compile(r"\s*(?:RRULE|EXRULE)\s*[:=]\s*", re.IGNORECASE)
_GREGORIAN = re.compile(r"\b(RSCALE=GREGORIAN|SKIP=OMIT)(;|$)", re.IGNORECASE)
"""Parts of RFC 7529 that change nothing."""
_BOUNDS = {
    "BYMONTH": 12, "BYWEEKNO": 53, "BYYEARDAY": 366, "BYMONTHDAY": 31,
    "BYHOUR": 23, "BYMINUTE": 59, "BYSECOND": 60, "BYSETPOS": 366,
}  # fmt: skip
_FROM_ZERO = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_DAYS = frozenset({"BYDAY", "BYMONTH", "BYMONTHDAY", "BYWEEKNO", "BYYEARDAY", "BYSETPOS"})
_FREQUENCIES = {
    "SECOND": "SECONDLY", "MINUTE": "MINUTELY", "HOUR": "HOURLY", "DAY": "DAILY", "WEEK": "WEEKLY",
    "MONTH": "MONTHLY", "YEAR": "YEARLY", "ANNUAL": "YEARLY", "ANNUALLY": "YEARLY", "DAYLY": "DAILY",
    "HOURS": "HOURLY", "DAYS": "DAILY", "WEEKS": "WEEKLY", "MONTHS": "MONTHLY", "YEARS": "YEARLY",
}  # fmt: skip
_MULTIPLE = {
    "FORTNIGHTLY": ("WEEKLY", 2), "BIWEEKLY": ("WEEKLY", 2), "QUARTERLY": ("MONTHLY", 3), "WEEKDAYS": ("WEEKLY", 1)
}  # fmt: skip
_NONE = frozenset({"", "FREQ=NEVER", "FREQ=NONE", "FREQ=ONCE", "NONE", "NULL"})
_DAY = re.compile(r"([+-]?\d{1,2})?\s*([A-Z]{2})[A-Z]*", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,30}", re.ASCII)


def plain(value: str) -> str:
    """The rule without quotes, escapes, its own name, and parts that change nothing."""
    text = value.replace("\\", "").replace('"', "").strip(" ;'")
    while found := _PREFIX.match(text):
        text = text[found.end() :]
    return _GREGORIAN.sub("", text).strip("; ")


def is_none(text: str) -> bool:
    """Whether a plain text says that there is no repetition."""
    return text.upper() in _NONE


def mended(text: str) -> str:
    """RECUR text for text in another form. Empty if the text has no usable meaning."""
    upper = " ".join(text.upper().rstrip("$ ").split())
    if (old := vcalendar_rule.recur(upper)) is not None:
        return old
    if "RSCALE" in upper:
        return ""  # the days of another calendar system would be wrong ones (RFC 7529, section 4)
    kept: dict[str, str] = {}
    lost = False
    for name, value in _parts(upper):
        if not value.strip(", "):
            continue
        found = _part(name, value)
        if name in kept and found and (found := _both(name, kept[name], found.get(name, ""))) is None:
            return ""
        if found is None:
            lost = lost or name in _DAYS
        elif found:
            kept |= found if name == "FREQ" else {name: found[name]}
    if "FREQ" not in kept:
        return ""
    if "UNTIL" in kept:
        kept.pop("COUNT", None)
    if not any(name in kept for name in _BOUNDS if name != "BYSETPOS") and "BYDAY" not in kept:
        kept.pop("BYSETPOS", None)
    if lost:  # the days are not known, so the rule is for every day
        ends = {name: kept[name] for name in ("UNTIL",) if name in kept}
        kept = {"FREQ": "DAILY", **ends, **{name: kept[name] for name in kept if name in _FROM_ZERO}}
    return _text(kept)


def _both(name: str, one: str, other: str) -> dict[str, str] | None:
    """Merges a part that appears twice, so that the rule repeats at least as often and as long. None for two
    frequencies.
    """
    if one == other:
        return {name: one}
    if name == "FREQ":
        return None
    if name in ("INTERVAL", "COUNT"):
        return {name: str((min if name == "INTERVAL" else max)(int(one), int(other)))}
    if name == "UNTIL":
        return {name: max(one, other)}
    return {name: f"{one},{other}" if name in _BOUNDS or name == "BYDAY" else one}


def every_day(text: str) -> str:
    """A rule for every day, for as long as `text` visibly lasts."""
    for name, value in _parts(text.upper()):
        found = _part(name, value) if name == "UNTIL" else None
        if found:
            return _text({"FREQ": "DAILY", **found})
    return "FREQ=DAILY"


def coarser(text: str) -> str:
    """The rule with a frequency that permits its parts and repeats at least as often. BY parts that are not allowed
    with FREQ become filters of days.
    """
    kept = dict(_parts(text.upper()))
    kept = {name: value for name, value in kept.items() if name not in ("BYSETPOS", "BYWEEKNO", "BYYEARDAY")}
    if kept.get("FREQ") in ("WEEKLY", "MONTHLY", "YEARLY"):
        kept |= {"FREQ": "DAILY", "INTERVAL": "1"}
        kept.pop("COUNT", None)
    if "BYDAY" in kept:
        kept["BYDAY"] = ",".join(day[-2:] for day in kept["BYDAY"].split(","))
    return _text(kept)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Names and values; weekdays that stand behind a semicolon belong to the part before."""
    name, value = "", ""
    for piece in text.split(";"):
        before, equals, after = (it.strip() for it in piece.partition("="))
        if not equals and name.startswith("BY"):
            value = f"{value},{before}"
            continue
        if name:
            yield name, value
        name, value = before, after
    if name:
        yield name, value


def _part(name: str, value: str) -> dict[str, str] | None:
    """The meaning of a part. None if the part cannot be read; empty if it says nothing."""
    if name == "FREQ":
        return _frequency(value)
    if name in ("INTERVAL", "COUNT"):
        if not _NUMBER.fullmatch(value):
            return {}
        number = int(value)
        if name == "COUNT":  # programs write 0 or less for "no end"
            return {name: str(min(number, 10**10))} if number > 0 else {}
        return {name: str(max(1, min(number, MAX_INTERVAL)))}
    if name == "UNTIL":
        return _until(value)
    if name == "WKST":
        return {name: value[:2]} if value[:2] in WEEKDAYS else {}
    if name == "BYDAY":
        return _weekdays(value)
    return _numbers(name, value) if name in _BOUNDS else {}


def _frequency(value: str) -> dict[str, str] | None:
    if value in _MULTIPLE:
        frequency, interval = _MULTIPLE[value]
        days = {"BYDAY": "MO,TU,WE,TH,FR"} if value == "WEEKDAYS" else {}
        return {"FREQ": frequency, **({"INTERVAL": str(interval)} if interval > 1 else {}), **days}
    found = _FREQUENCIES.get(value, value)
    return {"FREQ": found} if found in _FREQUENCIES.values() else None


def _until(value: str) -> dict[str, str]:
    found = spellings.read(value)
    return {} if found is None else {"UNTIL": found.text()}


def _weekdays(value: str) -> dict[str, str] | None:
    days: dict[str, None] = {}
    for item in value.replace(" AND ", ",").split(","):
        if not item.strip():
            continue
        found = _DAY.fullmatch(item.strip())
        if not found or found[2] not in WEEKDAYS:
            return None
        ordinal = int(found[1] or 0)
        days[f"{ordinal or ''}{found[2]}"] = None
    return {"BYDAY": ",".join(days)} if days else {}


def _numbers(name: str, value: str) -> dict[str, str] | None:
    numbers: dict[int, None] = {}
    for item in value.split(","):
        if not item.strip():
            continue
        if not _NUMBER.fullmatch(item.strip()):
            return None
        number = int(item)
        lowest = 0 if name in _FROM_ZERO else 1 if name == "BYMONTH" else -_BOUNDS[name]
        if lowest <= number <= _BOUNDS[name] and (number or not lowest):
            numbers[number] = None  # impossible numbers are left out: they never take place
    return {name: ",".join(map(str, numbers))} if numbers else {}


def _text(parts: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())
