# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting right what was written while the clock was far ahead: otherwise it would be waited for until then."""

from __future__ import annotations

from sqlalchemy import Connection, update

from scheduling.models import Subscription, Webhook, WebhookDelivery

BEYOND = 2 * 86_400
"""Nothing that is done again waits longer than a day (importer/schedule.py, scheduling/webhooks/queue.py); one more for
clocks that differ.
"""


def put_right(connection: Connection, now: int) -> int:
    """Let what is due beyond all that can be (epoch seconds) be due `now`, and end claims that would last as long;
    returns how many rows.
    """
    latest = now + BEYOND
    changed = 0
    for table in (Subscription, Webhook):
        late = update(table).where(table.next_at > latest).values(next_at=now)
        held = update(table).where(table.lease_until > latest).values(lease=None, lease_until=0)
        changed += connection.execute(late).rowcount + connection.execute(held).rowcount
    late = update(WebhookDelivery).where(WebhookDelivery.next_at > latest).values(next_at=now)
    return changed + connection.execute(late).rowcount
