# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps that fetch links, as the pages then tell of them."""

from __future__ import annotations

from scheduling.readership.ledger import ledger_of
from tests.server.running import Running

IPHONE = "iOS/26.1 (23B85) dataaccessd/1.0"
GOOGLE = "Google-Calendar-Importer"


def fetch(running: Running, token: str, agent: str = IPHONE) -> int:
    """What an app gets at a link; the ledger has it then."""
    status = running.client().get(f"/feeds/{token}.ics", User_Agent=agent).status
    ledger_of(running.database, address_days=30).flush()
    return status
