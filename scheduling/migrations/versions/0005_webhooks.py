# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and columns of: webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("encrypted_url", sa.LargeBinary(), nullable=False),
        sa.Column("encrypted_secret", sa.LargeBinary(), nullable=False),
        sa.Column("encrypted_previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", BigInt, server_default="0", nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("within_hours", BigInt, nullable=False),
        sa.Column("status", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("failures", BigInt, server_default="0", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("next_at", BigInt, server_default="0", nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", BigInt, server_default="0", nullable=False),
        sa.CheckConstraint("status IN ('active', 'error', 'paused')", name=op.f("webhooks_status_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("webhooks_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("webhook_id", BigInt, nullable=False),
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("version", sa.String(length=255), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempts", BigInt, server_default="0", nullable=False),
        sa.Column("next_at", BigInt, server_default="0", nullable=False),
        sa.Column("expires_at", BigInt, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("http_status", BigInt, nullable=True),
        sa.Column("milliseconds", BigInt, nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'delivered', 'dead')", name=op.f("webhook_deliveries_status_check")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("webhook_deliveries_webhook_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_deliveries_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("webhook_deliveries_webhook_id_status_index"), "webhook_deliveries", ["webhook_id", "status"]
    )
    op.create_index(
        op.f("webhook_deliveries_webhook_id_subject_index"), "webhook_deliveries", ["webhook_id", "subject"]
    )
