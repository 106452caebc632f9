# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar clients by family, told by User-Agent. The families are few and fixed, so what is kept by them stays small
whatever clients call themselves.
"""

from __future__ import annotations

OTHER = "other"
_WORDS = (
    ("google", ("google-calendar-importer", "google-calendar", "googlebot", "googledocs")),
    ("davx5", ("davx5", "davdroid")),
    ("icsx5", ("icsx5", "icsdroid")),
    ("home-assistant", ("homeassistant", "home-assistant", "home assistant")),
    ("nextcloud", ("nextcloud",)),
    ("caldav-synchronizer", ("caldavsynchronizer",)),
    ("thunderbird", ("thunderbird", "lightning/", "betterbird")),
    ("evolution", ("evolution", "evolution-data-server", "gnome-calendar")),
    ("kde", ("korganizer", "akonadi", "dav kio", "kdav")),
    ("vdirsyncer", ("vdirsyncer", "pimsync")),
    ("outlook", ("outlook", "microsoft", "exchange")),
    ("ios", ("ios/", "iphone", "ipad")),
    ("macos", ("macos/", "mac os x/", "mac+os+x", "calendaragent", "macintosh", "dataaccess")),
    ("yahoo", ("yahoo",)),
    ("script", ("curl/", "wget/", "python", "httpx", "go-http-client")),
)
_LONGEST = 500


def of(user_agent: str | None) -> str:
    """The family of a client, `other` where it is not known."""
    agent = (user_agent or "")[:_LONGEST].casefold()
    return next((family for family, words in _WORDS if any(word in agent for word in words)), OTHER)
