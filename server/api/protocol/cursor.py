# SPDX-License-Identifier: GPL-3.0-or-later
"""Cursors: where a list goes on, as opaque text that clients send back. A cursor holds the last key and no position.
Rows added or deleted meanwhile therefore cause no other row to be left out or shown twice.
"""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import cast

from server.api.protocol.problems import Refused


def write(*key: int | str) -> str:
    """The cursor behind the row with this key."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def read(cursor: str | None, *kinds: type) -> tuple[int | str, ...] | None:
    """The key in a cursor. Its parts have these types. None for the first page. Raises `Refused`, 422."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(key, list) and [type(part) for part in key] == list(kinds):
            return tuple(key)
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        pass
    raise Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The cursor is not one of this list; leave it out to begin with the first page.",
    )


def number(cursor: str | None) -> int | None:
    """The key of a list ordered by a number. Raises `Refused`, 422."""
    key = read(cursor, int)
    return None if key is None else cast(int, key[0])
