# SPDX-License-Identifier: GPL-3.0-or-later
"""A large calendar of which everything changed is made pending page by page."""

from __future__ import annotations

import sqlalchemy as sa

from scheduling.migrations.columns import add_columns

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    spread = sa.Column("spread", sa.Boolean, server_default=sa.false(), nullable=False)
    add_columns("schedule_changes", [spread])
    epoch = sa.Column("spread_epoch", sa.String(32), server_default="", nullable=False)
    after = sa.Column(
        "spread_after", sa.BigInteger().with_variant(sa.Integer, "sqlite"), server_default="0", nullable=False
    )
    add_columns("calendars", [epoch, after])
