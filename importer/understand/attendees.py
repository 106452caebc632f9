# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the reader of a calendar has declined an event (ATTENDEE and PARTSTAT, RFC 5545, sections 3.8.4.1 and
3.2.12; STATUS in vCalendar 1.0).
"""

from __future__ import annotations

import re
from collections.abc import Set

DECLINED = "ATTENDEE;PARTSTAT=DECLINED:"
"""The line that records that the reader has declined."""
_ANY = re.compile(r"DECLINED", re.IGNORECASE)
_LINE = re.compile(r"\nATTENDEE((?:;(?:\"[^\"\n]*\"|[^:\"\n])*)?):([^\n]*)", re.IGNORECASE)
_ANSWER = re.compile(r";\s*(?:PARTSTAT|STATUS)=\"?([A-Z-]+)", re.IGNORECASE)
_EMAIL = re.compile(r";\s*EMAIL=\"?([^;:\"]+)", re.IGNORECASE)


def declined(text: str, addresses: Set[str]) -> bool:
    """Whether the reader is an attendee of a VEVENT and has declined on every attendee line with one of `addresses`.
    The VEVENT is given as unfolded lines, each after a LF; `addresses` are the reader's, in lower case.
    """
    if not _ANY.search(text):
        return False
    answers = [
        (found[1].upper() if (found := _ANSWER.search(parameters)) else "")
        for parameters, value in _LINE.findall(text)
        if _addresses(parameters, value) & addresses
    ]
    return bool(answers) and set(answers) == {"DECLINED"}


def _addresses(parameters: str, value: str) -> set[str]:
    """The e-mail addresses of an attendee: that of its URI, and that of EMAIL if it differs (RFC 7986, section 6.2)."""
    found = {value.strip().lower().removeprefix("mailto:").strip(" <>")}
    if named := _EMAIL.search(parameters):
        found.add(named[1].strip().lower())
    return found
