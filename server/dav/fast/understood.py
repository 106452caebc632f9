# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers what short request bodies ask for. All clients of a kind send the same octets in every poll."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from server.dav import reports
from server.dav.fast.recognise import Sync, propfind, report
from server.dav.xml import BadBody, one_question, parse

LONGEST = 2048
"""The most octets of a body that is remembered."""
_MOST = 512
_ANY = "any"
# In a body without comments and CDATA sections, text that looks like this element is this element.
_TOKEN = re.compile(rb"<((?:[A-Za-z][\w.-]*:)?sync-token)>([A-Za-z0-9:/._-]*)</\1>")


def properties(body: bytes) -> tuple[str, ...] | None:
    """The properties that a PROPFIND names. None for another form, or for a body that is refused."""
    return _properties(body) if len(body) <= LONGEST else None


def synchronisation(body: bytes) -> Sync | None:
    """A sync-collection. None for any other report, or for a body that is refused."""
    if len(body) > LONGEST or b"<!" in body or b"<?" in body[1:]:
        return None
    tokens = _TOKEN.findall(body)
    if len(tokens) != 1:
        return None
    asked = _synchronisation(_TOKEN.sub(rb"<\1>%b</\1>" % _ANY.encode(), body))
    if asked is None or asked.token != _ANY:
        return None
    return replace(asked, token=tokens[0][1].decode())


@lru_cache(maxsize=_MOST)
def _properties(body: bytes) -> tuple[str, ...] | None:
    try:
        root = parse(body)
        one_question(root)
    except BadBody:
        return None
    return propfind(root)


@lru_cache(maxsize=_MOST)
def _synchronisation(body: bytes) -> Sync | None:
    try:
        root = parse(body)
        reports.check(root)
        asked = report(root, "")
    except (BadBody, reports.BadReport):
        return None
    return asked if isinstance(asked, Sync) else None
