# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL of a subscription: what it may look like, and what of it may be told."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from scheduling.admission import Admission, require_admitted, without_userinfo
from scheduling.errors import Invalid

SCHEMES = ("https", "http", "webcal", "webcals")
LONGEST_URL = 4096
LONGEST_HOST = 255
_ALIASES = {"webcal": "https", "webcals": "https"}
_USERINFO = "The URL contains a username or password; give them as credentials instead."
_PROBLEM = "This is not the URL of a calendar; an example is https://calendar.example.com/....ics."


def checked(given: str, admit: Admission) -> str:
    """The URL that is fetched: webcal and webcals mean https. Raises `Invalid` with
    everything that is wrong with it, also what `admit` says.
    """
    scheme, colon, rest = given.strip().partition(":")
    url = f"{_ALIASES.get(scheme.lower(), scheme.lower())}{colon}{rest}"
    parts = _parts(url)
    found = []
    if parts.username is not None or parts.password is not None:
        found.append(_USERINFO)
    require_admitted(without_userinfo(url), admit, found)
    return url


def host_of(url: str) -> str:
    """The host, which is all that is ever shown. Raises `Invalid` for what is no URL of a calendar."""
    parts = _parts(url)
    if parts.username is not None or parts.password is not None:
        raise Invalid(_USERINFO)
    return (parts.hostname or "")[:LONGEST_HOST]


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or any(ord(character) < 33 or ord(character) == 127 for character in url):
        raise Invalid(_PROBLEM)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise Invalid(_PROBLEM) from None
    if parts.scheme.lower() not in SCHEMES or not host:
        raise Invalid(_PROBLEM)
    return parts


def origin_of(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port (RFC 6454, section 4): what credentials belong to."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.scheme, parts.hostname, port or (80 if parts.scheme == "http" else 443)
