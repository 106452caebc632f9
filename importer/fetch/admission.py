# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an address may be saved. An address that no fetch would ever connect to is refused when it is entered, not
only when a fetch fails.

No name is looked up here. Each connection checks where its name leads (`importer.fetch.connection`).
"""

from __future__ import annotations

from importer.fetch.exchange import target
from importer.fetch.policy import FetchPolicy


def require_reachable(text: str, policy: FetchPolicy) -> None:
    """Raise FetchFailed ('url', 'scheme', 'port' or 'refused-address') for an address that is refused for every address
    its name could resolve to. The message gives all reasons and shows no more of the address than its host.
    """
    target(text, policy)
