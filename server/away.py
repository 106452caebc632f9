# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs read while the database is unreachable. The status is 503 (RFC 9110, section 15.6.4)."""

from __future__ import annotations

AWAY = "The schedule is not available at the moment; try again shortly."
