# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of: working hours, links to free and busy times."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "working_periods",
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("weekday", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("starts", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ends", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("working_periods_weekday_check")),
        sa.CheckConstraint(
            "starts >= 0 AND ends > starts AND ends <= 1440", name=op.f("working_periods_period_check")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("working_periods_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "weekday", "starts", name=op.f("working_periods_pkey")),
    )
    op.create_table(
        "free_busy_links",
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("encrypted_token", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("free_busy_links_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("free_busy_links_pkey")),
        sa.UniqueConstraint("lookup", name=op.f("free_busy_links_lookup_key")),
    )
