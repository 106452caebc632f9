# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored VEVENTs as a feed shows them (RFC 5545, section 3.6): only their times, or with an alarm."""

from __future__ import annotations

import hmac

from scheduling.access.secrets import Keyring
from scheduling.ical import component as component_text
from scheduling.ical.component import END, events, is_cancelled


def busy(component: str, key: bytes) -> str:
    """The component with nothing but "Busy", its times, STATUS and TRANSP. Its UID depends on `key`, so that it cannot
    be joined with the same event elsewhere; all its instances share it.
    """
    return component_text.busy_time(component, lambda line: opaque_uid(line, key), outlook=True)


def with_alarm(component: str, minutes: int) -> str:
    """The component with an alarm `minutes` before each of its VEVENTs, cancelled ones left out (section 3.6.6)."""
    alarm = (
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\n"
        f"TRIGGER:-PT{minutes}M\r\nEND:VALARM\r\n{END}"
    )
    return "".join(
        event if is_cancelled(event) else event.removesuffix(END) + alarm for event in events(component)
    )


def without_class(component: str) -> str:
    """The component as Daysheet writes its own, with no CLASS (section 3.8.1.3: PUBLIC, then)."""
    return component.replace("\r\nCLASS:PRIVATE\r\n", "\r\n")


def uid_key(keyring: Keyring, feed_id: int) -> bytes:
    """What makes UIDs that only this feed has."""
    return keyring.lookup(f"the UIDs of feed {feed_id}")


def opaque_uid(uid: str, key: bytes) -> str:
    """A UID that says nothing about `uid` to who does not know the key."""
    return f"{hmac.digest(key, uid.encode(), 'sha256')[:16].hex()}@daysheet"
