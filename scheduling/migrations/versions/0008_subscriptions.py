# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions complete: credentials, policies, progress, detachment; and the generations of what was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.migrations.columns import add_columns

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    add_columns(
        "subscriptions",
        [
            sa.Column("encrypted_credentials", sa.LargeBinary(), nullable=True),
            sa.Column("busy", sa.String(length=16), server_default="honour", nullable=False),
            sa.Column("tentative", sa.String(length=16), server_default="tentative", nullable=False),
            sa.Column("visibility", sa.String(length=16), server_default="full", nullable=False),
            sa.Column("time_zone", sa.String(length=64), nullable=True),
            sa.Column("http", sa.Text(), nullable=True),
            sa.Column("sync_requested_at", BigInt, server_default="0", nullable=False),
            sa.Column("sync_started_at", BigInt, server_default="0", nullable=False),
            sa.Column("sync_finished_at", BigInt, server_default="0", nullable=False),
            sa.Column("sync_result", sa.String(length=16), nullable=True),
            sa.Column("seen_generation", BigInt, nullable=True),
            sa.Column("moved", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("detached_at", UtcDateTime(), nullable=True),
        ],
        {
            "subscriptions_busy_check": "busy IN ('honour', 'all')",
            "subscriptions_tentative_check": "tentative IN ('tentative', 'busy')",
            "subscriptions_visibility_check": "visibility IN ('full', 'busy-only', 'hidden')",
        },
    )
    add_columns("calendars", [sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False)])
    op.create_table(
        "subscription_generations",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("subscription_id", BigInt, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("doubts", sa.Text(), server_default="", nullable=False),
        sa.Column("events", BigInt, nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", BigInt, nullable=False),
        sa.Column("last_seen_at", BigInt, nullable=False),
        sa.Column("doubted_at", BigInt, nullable=True),
        sa.Column("applied_at", BigInt, nullable=True),
        sa.CheckConstraint(
            "state IN ('current', 'past', 'quarantined', 'rejected', 'withdrawn')",
            name=op.f("subscription_generations_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("subscription_generations_subscription_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("subscription_generations_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("subscription_generations_subscription_id_state_index"),
        "subscription_generations",
        ["subscription_id", "state"],
    )
    op.create_table(
        "external_event_versions",
        sa.Column("subscription_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("uid", sa.String(length=255), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("timezones", sa.Text(), server_default="", nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("transparency", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("external_event_versions_subscription_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "subscription_id", "uid", "content_hash", name=op.f("external_event_versions_pkey")
        ),
    )
