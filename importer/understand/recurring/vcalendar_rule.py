# SPDX-License-Identifier: GPL-3.0-or-later
"""The repetition rules of vCalendar 1.0 (section "Recurrence Rule" of its specification) as RECUR text.

Examples are 'W1 MO WE #4', 'MP1 1+ FR #0', 'D2 20261224T000000'. The count is of weeks or months, each with all its
days. A rule without an end takes place twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from importer.understand import spellings
from scheduling.ical.rules import WEEKDAYS

_RULE = re.compile(r"(D|W|MP|MD|YM|YD)(\d{1,6})((?:\s+\S+)*)", re.ASCII)
_FREQUENCIES = {"D": "DAILY", "W": "WEEKLY", "M": "MONTHLY", "Y": "YEARLY"}
_LISTS = {"W": "BYDAY", "MP": "BYDAY", "MD": "BYMONTHDAY", "YM": "BYMONTH", "YD": "BYYEARDAY"}
_TIME = re.compile(r"\d{4}", re.ASCII)
_ORDINAL = re.compile(r"(\d{1,3})([+-]?)", re.ASCII)


@dataclass(kw_only=True, slots=True)
class _Rule:
    kind: str
    items: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    ordinals: list[str] = field(default_factory=list)
    until: str = ""
    count: int = 2

    def take(self, word: str) -> bool:
        """Read one word. Returns whether it could be read."""
        if word.startswith("#") and word[1:].isdigit():
            self.count = int(word[1:])
        elif _TIME.fullmatch(word):
            self.times.append(word)
        elif word in WEEKDAYS:
            self.items += [f"{it}{word}" for it in self.ordinals] if self.kind == "MP" else [word]
        elif word == "LD":
            self.items.append("-1")
        elif found := _ORDINAL.fullmatch(word):
            number = f"-{found[1]}" if found[2] == "-" else found[1]
            if self.kind == "MP":
                self.ordinals = [number]
            else:
                self.items.append(number)
        elif len(word) >= 8 and (end := spellings.read(word)):
            self.until, self.count = end.text(), 0
        else:
            return False
        return True


def recur(text: str) -> str | None:
    """RECUR text for an upper-case rule. None if the text is no vCalendar rule; empty if the rule cannot be read."""
    found = _RULE.fullmatch(text)
    if not found:
        return None
    rule = _Rule(kind=found[1])
    if not all(rule.take(word) for word in found[3].replace("$", "").split()):
        return ""
    parts = [f"FREQ={_FREQUENCIES[rule.kind[0]]}", f"INTERVAL={max(1, int(found[2]))}"]
    name = _LISTS.get(rule.kind)
    if rule.items and name is None:
        return ""
    if rule.items:
        parts.append(f"{name}={','.join(dict.fromkeys(rule.items))}")
    if rule.times:
        parts.append("BYHOUR=" + ",".join(sorted({str(int(it[:2])) for it in rule.times})))
        parts.append("BYMINUTE=" + ",".join(sorted({str(int(it[2:])) for it in rule.times})))
    if rule.until:
        parts.append(f"UNTIL={rule.until}")
    elif rule.count:
        parts.append(f"COUNT={rule.count * max(1, len(rule.items)) * max(1, len(rule.times))}")
    return ";".join(parts)
