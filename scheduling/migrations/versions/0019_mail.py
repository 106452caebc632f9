# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that is to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt, UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", BigInt, sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("encrypted_content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", BigInt, nullable=False),
        sa.Column("next_attempt_at", BigInt, nullable=True),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("mail_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("mail_next_attempt_at_index"), "mail", ["next_attempt_at"])
