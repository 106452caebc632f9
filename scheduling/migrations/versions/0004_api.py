# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and columns of: api."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Filled by the change that needs it."""
