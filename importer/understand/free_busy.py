# SPDX-License-Identifier: GPL-3.0-or-later
"""Published busy time (VFREEBUSY, RFC 5545, section 3.6.4) as events: one for each busy period.

Each event is written as the lines of a VEVENT. All other code then treats it like any other event of the calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b

_LINE = re.compile(r"\nFREEBUSY((?:;[^:\n]*)?):([^\n]*)", re.IGNORECASE)
_KIND = re.compile(r";FBTYPE=\"?([A-Z-]+)", re.IGNORECASE)
_UID = re.compile(r"\nUID[:;]([^\n]*)", re.IGNORECASE)
_EFFECTS = {"BUSY-TENTATIVE": "\nSTATUS:TENTATIVE", "BUSY-UNAVAILABLE": "\nX-MICROSOFT-CDO-BUSYSTATUS:OOF"}


def events(component: str) -> Iterator[str]:
    """The VEVENT texts for a VFREEBUSY, in the form that `Block` holds. The VFREEBUSY is given as unfolded lines, each
    after a LF. A malformed period becomes an event that cannot be read.
    """
    uid = found[1] if (found := _UID.search(component)) else ""
    for parameters, value in _LINE.findall(component):
        kind = found[1].upper() if (found := _KIND.search(parameters)) else "BUSY"
        if kind == "FREE":
            continue  # all other types are busy, unknown types too (section 3.2.9)
        for period in value.split(","):
            start, _, end = (part.strip() for part in period.partition("/"))
            if not period.strip():
                continue
            name = "DURATION" if end[:1] in ("P", "p", "+") else "DTEND"
            digest = blake2b(f"{uid}\n{kind}\n{period}".encode("utf-8", "surrogatepass"), digest_size=16)
            yield (
                f"\nUID:{digest.hexdigest()}@free-busy\nDTSTART:{start}\n{name}:{end}\nSUMMARY:Busy"
                f"{_EFFECTS.get(kind, '')}"
            )
