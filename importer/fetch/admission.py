# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an address may be saved: what no fetch would ever connect to is refused at once, and not only when it fails.

Nothing is looked up; where names lead is checked with every connection (`importer.fetch.connection`).
"""

from __future__ import annotations

from importer.fetch.exchange import target
from importer.fetch.policy import FetchPolicy


def require_reachable(text: str, policy: FetchPolicy) -> None:
    """Raise FetchFailed ('url', 'scheme', 'port' or 'refused-address') for an address that would be refused whatever
    its name resolved to. The message says every reason, and names the host at most.
    """
    target(text, policy)
