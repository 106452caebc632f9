# SPDX-License-Identifier: GPL-3.0-or-later
"""Quoted-printable values (RFC 2045, section 6.7). vCalendar 1.0 has them; some programs also write them into
iCalendar.
"""

from __future__ import annotations

import quopri
import re

_CHARSET = re.compile(r";CHARSET=\"?([^;:\"]+)", re.IGNORECASE)


def decoded(value: str, charset: str) -> str:
    """The characters of a value. `charset` is a charset name or parameters that contain one. An unknown charset means
    UTF-8.
    """
    octets = quopri.decodestring(value.encode("utf-8", "surrogatepass"))
    name = found[1] if (found := _CHARSET.search(charset)) else charset
    try:
        return octets.decode(name or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return octets.decode("utf-8", "replace")
