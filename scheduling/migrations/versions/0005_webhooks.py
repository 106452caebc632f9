# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and columns of: webhooks."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Filled by the change that needs it."""
