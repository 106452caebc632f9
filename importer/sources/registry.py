# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source serves an address. The scheme of the address decides (RFC 3986, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable

from importer.fetch.policy import FetchPolicy
from importer.sources.ics import IcsSource
from importer.sources.source import Source

_BY_SCHEME: dict[str, Callable[[FetchPolicy], Source]] = {"http": IcsSource, "https": IcsSource}


def source_of(url: str, policy: FetchPolicy) -> Source:
    """The source for an address. An address with an unknown scheme goes to the fetcher, which refuses it with a
    reason.
    """
    scheme = url.partition(":")[0].lower()
    return _BY_SCHEME.get(scheme, IcsSource)(policy)
