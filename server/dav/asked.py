# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thread knows about the request that it answers. Radicale gives the verbs neither each other's results nor a
place to keep them.
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
    """One request, created on arrival. `minimal` says that it prefers return=minimal (RFC 8144)."""

    minimal: bool
    is_read: bool = False
    """Whether the body has been read. Then `root` is its XML, None for an empty body, or `bad_body` says what
    is wrong.
    """
    root: ET.Element | None = None
    bad_body: BadBody | None = None
    viewer: Viewer | None = None
    """The viewer who asks for properties that must be corrected in Radicale's answer."""
    strangers: Sequence[str] = ()
    """The hrefs that Radicale leaves unanswered."""
    unknown: Sequence[str] = ()
    """The requested properties that no resource has. Radicale is not asked for them."""
    limit: int | None = None
    """The most responses that a report may have."""
    responses: int = 0
    quick: Answered | None = None
    """The answer that is sent without Radicale."""


class Now(threading.local):
    """The request of each thread; None between requests."""

    asked: Asked | None = None
