# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and columns of: access."""

from __future__ import annotations

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Filled by the change that needs it."""
