# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances of recurring events that last longer than a week are found by an index of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    lasting = sa.text("ends_at - starts_at > 604800")
    op.create_index(
        "occurrences_long_index",
        "occurrences",
        ["calendar_id", "starts_at"],
        sqlite_where=lasting,
        postgresql_where=lasting,
    )
