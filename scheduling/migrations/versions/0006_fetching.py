# SPDX-License-Identifier: GPL-3.0-or-later
"""What fetching outside calendars remembers: equal sources, the last body, the feed's own interval, failing since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt
from scheduling.migrations.columns import add_columns

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    add_columns(
        "subscriptions",
        [
            sa.Column("source_key", sa.LargeBinary(length=32), nullable=True),
            sa.Column("body_digest", sa.String(length=64), nullable=True),
            sa.Column("refresh", BigInt, server_default="0", nullable=False),
            sa.Column("failing_since", BigInt, nullable=True),
        ],
    )
    op.create_index(op.f("subscriptions_source_key_index"), "subscriptions", ["source_key"], unique=False)
