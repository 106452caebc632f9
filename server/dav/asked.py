# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the request that a thread answers. Radicale hands the verbs neither each other's results nor a place
to keep them.
"""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from server.dav.fast.sending import Answered
from server.dav.multistatus import Viewer
from server.dav.xml import BadBody


@dataclass(kw_only=True, slots=True)
class Asked:
    """One request, made when it comes in. `minimal` says that it prefers return=minimal (RFC 8144)."""

    minimal: bool
    is_read: bool = False
    """Whether its body has been read; then `root` is its XML, None for an empty one, or `bad_body` says what is wrong
    with it."""
    root: ET.Element | None = None
    bad_body: BadBody | None = None
    viewer: Viewer | None = None
    """Who asks for properties that have to be corrected in Radicale's answer."""
    strangers: Sequence[str] = ()
    """The hrefs that Radicale leaves unanswered."""
    unknown: Sequence[str] = ()
    """The properties that no resource has, which Radicale is not asked for."""
    limit: int | None = None
    """How many responses a report may have at most."""
    responses: int = 0
    quick: Answered | None = None
    """The answer that goes past Radicale."""


class Now(threading.local):
    """The request of each thread; None between requests."""

    asked: Asked | None = None
