# SPDX-License-Identifier: GPL-3.0-or-later
"""Which outside addresses may be saved. Those who connect to them decide; what saves them asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from scheduling.errors import Invalid

Admission = Callable[[str], None]
"""Raises `Invalid`, without the URL, for one that would never be connected to."""


def anywhere(_url: str) -> None:
    """Admit every URL."""


def require_admitted(url: str, admit: Admission, problems: Iterable[str] = ()) -> None:
    """Raise `Invalid` with `problems`, which were found before, and with what `admit` says: all at once."""
    found = list(problems)
    try:
        admit(url)
    except Invalid as refused:
        found.append(str(refused))
    if found:
        raise Invalid(" ".join(found))


def without_userinfo(url: str) -> str:
    """The URL without a username and password (RFC 3986, section 3.2.1)."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
