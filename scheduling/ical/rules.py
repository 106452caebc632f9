# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence rules as values: reading, checking and writing RECUR text (RFC 5545 section 3.3.10).

What a rule may cost is decided here, before anything is expanded: numbers are bounded and
a rule that repeats more than 24 times a day is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from scheduling.ical.errors import BadRule, TooFrequent

MAX_INTERVAL = 10**6
MAX_LIST_VALUES = 400
MAX_INSTANCES_PER_DAY = 24
MAX_TEXT = 20_000

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    """FREQ values, coarsest first."""

    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"
    HOURLY = "HOURLY"
    MINUTELY = "MINUTELY"
    SECONDLY = "SECONDLY"


UNIT_SECONDS = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One RRULE value. Lists are sorted and free of duplicates; an empty list is an absent part.

    `until` keeps its given kind: aware UTC date-time, naive (local) date-time, or date. `byday` holds
    (ordinal, weekday) with Monday 0 and ordinal 0 for "every"; `wkst` is a weekday.
    """

    freq: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | date | None = None
    bymonth: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byday: tuple[tuple[int, int], ...] = ()
    byhour: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    bysecond: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    wkst: int = 0

    @property
    def within_day(self) -> bool:
        """Whether the rule steps by hours, minutes or seconds."""
        return self.freq in UNIT_SECONDS

    def text(self) -> str:
        """Return the canonical RECUR text, without the property name."""
        parts = [f"FREQ={self.freq}"]
        if self.until is not None:
            parts.append(f"UNTIL={_until_text(self.until)}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        for name in _LISTS:
            values = getattr(self, name.lower())
            if name == "BYDAY":
                values = [f"{ordinal or ''}{WEEKDAYS[weekday]}" for ordinal, weekday in values]
            if values:
                parts.append(f"{name}={','.join(map(str, values))}")
        if self.wkst:
            parts.append(f"WKST={WEEKDAYS[self.wkst]}")
        return ";".join(parts)


# Part -> (lowest, highest absolute value, whether counting from the end is allowed), in canonical order.
_LISTS: dict[str, tuple[int, int, bool]] = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYDAY": (1, 53, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 60, False),
    "BYSETPOS": (1, 366, True),
}
_SINGLE = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST")
_NUMBER = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)
_BYDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?", re.ASCII)


def parse_rule(text: str, *, most_per_day: int | None = MAX_INSTANCES_PER_DAY) -> Rule:
    """Return the rule in `text`: RECUR text in any case, with or without 'RRULE:' and a trailing ';'.

    Raises BadRule for anything RFC 5545 section 3.3.10 does not allow and for values beyond the bounds
    above; TooFrequent for a rule that can have more than `most_per_day` instances in a day.
    """
    parts = _split(text)
    if "FREQ" not in parts:
        raise BadRule("FREQ is missing")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("COUNT and UNTIL cannot be used together")
    lists = {name: _numbers(name, parts[name]) for name in _LISTS if name in parts and name != "BYDAY"}
    rule = Rule(
        freq=_frequency(parts["FREQ"]),
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), 1, MAX_INTERVAL),
        count=_number("COUNT", parts["COUNT"], 1, 10**10) if "COUNT" in parts else None,
        until=_parse_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        byday=_weekdays(parts["BYDAY"]) if "BYDAY" in parts else (),
        wkst=_wkst(parts.get("WKST", "MO")),
        **{name.lower(): values for name, values in lists.items()},
    )
    _check_combination(rule)
    per_day = _instances_per_day(rule)
    if most_per_day is not None and per_day > most_per_day:
        raise TooFrequent(per_day, most_per_day)
    return rule


def is_too_frequent(rule: Rule) -> bool:
    """Whether it can have more instances in a day than a rule may have whose instances were not counted."""
    return _instances_per_day(rule) > MAX_INSTANCES_PER_DAY


def _split(text: str) -> dict[str, str]:
    if len(text) > MAX_TEXT:
        raise BadRule(f"it is longer than {MAX_TEXT} characters")
    text = text.strip().upper().removeprefix("RRULE:").strip().removesuffix(";")
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in _LISTS and name not in _SINGLE:
            raise BadRule(f"unknown part {name[:40]!r}")
        if name in parts:
            raise BadRule(f"{name} is given twice")
        if not value:
            raise BadRule(f"{name} has no value")
        parts[name] = value
    return parts


def _frequency(value: str) -> Frequency:
    try:
        return Frequency(value)
    except ValueError:
        raise BadRule(f"unknown FREQ {value[:40]!r}") from None


def _number(name: str, value: str, lowest: int, highest: int) -> int:
    if not _NUMBER.fullmatch(value) or not lowest <= int(value) <= highest:
        raise BadRule(f"{name} must be a number from {lowest} to {highest}, not {value[:40]!r}")
    return int(value)


def _items(name: str, value: str) -> list[str]:
    items = [item.strip() for item in value.split(",")]
    if len(items) > MAX_LIST_VALUES:
        raise BadRule(f"{name} has more than {MAX_LIST_VALUES} values")
    return items


def _numbers(name: str, value: str) -> tuple[int, ...]:
    lowest, highest, signed = _LISTS[name]
    numbers = {_number(name, item, -highest if signed else lowest, highest) for item in _items(name, value)}
    if signed and 0 in numbers:
        raise BadRule(f"{name} cannot be 0")
    return tuple(sorted(numbers))


def _weekdays(value: str) -> tuple[tuple[int, int], ...]:
    days: set[tuple[int, int]] = set()
    for item in _items("BYDAY", value):
        match = _BYDAY.fullmatch(item)
        if not match:
            raise BadRule(f"BYDAY must be weekdays such as MO or -1FR, not {item[:40]!r}")
        ordinal = _number("BYDAY", match[1], -53, 53) if match[1] else 0
        if match[1] and not ordinal:
            raise BadRule("BYDAY cannot have the ordinal 0")
        days.add((ordinal, WEEKDAYS.index(match[2])))
    return tuple(sorted(days))


def _wkst(value: str) -> int:
    if value not in WEEKDAYS:
        raise BadRule(f"WKST must be a weekday, not {value[:40]!r}")
    return WEEKDAYS.index(value)


def _parse_until(value: str) -> datetime | date:
    match = _UNTIL.fullmatch(value)
    problem = f"UNTIL must be a date or date-time such as 20261231T225959Z, not {value[:40]!r}"
    if not match:
        raise BadRule(problem)
    try:
        if match[2] is None:
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}")
    except ValueError:
        raise BadRule(problem) from None
    return moment.replace(tzinfo=UTC) if match[3] else moment


def _until_text(until: datetime | date) -> str:
    if not isinstance(until, datetime):
        return f"{until.year:04d}{until:%m%d}"
    return f"{until.year:04d}{until:%m%dT%H%M%S}{'Z' if until.tzinfo else ''}"


def _check_combination(rule: Rule) -> None:
    """Raise BadRule for the combinations that the table of RFC 5545 section 3.3.10 marks N/A or forbids."""
    freq = rule.freq
    if rule.byweekno and freq is not Frequency.YEARLY:
        raise BadRule(f"BYWEEKNO cannot be used with FREQ={freq}")
    if rule.byyearday and freq in (Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY):
        raise BadRule(f"BYYEARDAY cannot be used with FREQ={freq}")
    if rule.bymonthday and freq is Frequency.WEEKLY:
        raise BadRule("BYMONTHDAY cannot be used with FREQ=WEEKLY")
    if any(ordinal for ordinal, _ in rule.byday):
        if freq not in (Frequency.MONTHLY, Frequency.YEARLY):
            raise BadRule(f"BYDAY with an ordinal cannot be used with FREQ={freq}")
        if rule.byweekno:
            raise BadRule("BYDAY with an ordinal cannot be used with BYWEEKNO")
    if rule.bysetpos and not any(getattr(rule, name.lower()) for name in _LISTS if name != "BYSETPOS"):
        raise BadRule("BYSETPOS needs another BY part")


def _instances_per_day(rule: Rule) -> int:
    """Return the most instances that one day can hold."""
    hours, minutes, seconds = len(rule.byhour), len(rule.byminute), len(rule.bysecond)
    if not rule.within_day:
        return max(hours, 1) * max(minutes, 1) * max(seconds, 1)
    unit = UNIT_SECONDS[rule.freq]
    steps = -(-86400 // (rule.interval * unit))
    if unit == 3600:
        return min(steps, hours or 24) * max(minutes, 1) * max(seconds, 1)
    if unit == 60:
        return min(steps, (hours or 24) * (minutes or 60)) * max(seconds, 1)
    return min(steps, (hours or 24) * (minutes or 60) * (seconds or 60))
