# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and workers say that they are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("told_at", BigInt, nullable=False),
        sa.Column("due_at", BigInt, nullable=False),
        sa.Column("address", sa.String(length=255), server_default="", nullable=False),
        sa.Column("zones", sa.String(length=64), nullable=False),
        sa.CheckConstraint("kind IN ('server', 'worker')", name=op.f("processes_kind_check")),
        sa.PrimaryKeyConstraint("kind", "host", name=op.f("processes_pkey")),
    )
