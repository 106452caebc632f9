# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks: https addresses that are told, signed and with retries, when something happens.

`events` puts what happened into the queue, `jobs` decides which job changes are events, `endpoints` is what admins
register, `queue` is the importer's side, `deliveries` the log, `signature` the proof of origin.
"""

from __future__ import annotations

from scheduling.webhooks.events import TEST, EventType, emit

__all__ = ["TEST", "EventType", "emit"]
