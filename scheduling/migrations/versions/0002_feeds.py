# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and columns of: feeds."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Filled by the change that needs it."""
