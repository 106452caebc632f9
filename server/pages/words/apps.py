# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of calendar clients as people call them, and how often each usually asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from server.pages.words.languages import N_, gettext

_NAMES: Mapping[str, str] = {  # names of products stay as they are
    "google": "Google Calendar",
    "davx5": "DAVx5 (Android)",
    "icsx5": "ICSx5 (Android)",
    "home-assistant": "Home Assistant",
    "nextcloud": "Nextcloud",
    "caldav-synchronizer": "CalDav Synchronizer (Outlook)",
    "thunderbird": "Thunderbird",
    "evolution": N_("Evolution or GNOME Calendar"),
    "kde": "KDE (KOrganizer, Merkuro)",
    "vdirsyncer": "vdirsyncer",
    "outlook": "Outlook",
    "ios": N_("iPhone or iPad"),
    "macos": "Mac",
    "yahoo": N_("Yahoo Calendar"),
    "script": N_("A script"),
}
_SLOW: Mapping[str, timedelta] = {
    "google": timedelta(hours=36),
    "outlook": timedelta(hours=12),
    "yahoo": timedelta(hours=36),
}
"""Services that fetch a subscribed address when they like; everything else asks within two hours."""
_USUAL = timedelta(hours=2)


def name(family: str) -> str:
    """The family in the person's language."""
    return gettext(_NAMES[family]) if family in _NAMES else gettext("Another app")


def pause(family: str) -> timedelta:
    """How long it is normal to hear nothing."""
    return _SLOW.get(family, _USUAL)


def is_slow(family: str) -> bool:
    """Whether it fetches when it likes, whatever one sets."""
    return family in _SLOW
