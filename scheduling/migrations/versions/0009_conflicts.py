# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts of people's jobs with what else takes their time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt, UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "conflicts",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("job_name", sa.String(length=255), nullable=False),
        sa.Column("job_id", BigInt, nullable=False),
        sa.Column("job_reference", sa.String(length=255), server_default="", nullable=False),
        sa.Column("job_title", sa.Text(), nullable=False),
        sa.Column("other_slug", sa.String(length=32), nullable=False),
        sa.Column("other_name", sa.String(length=255), nullable=False),
        sa.Column("other_kind", sa.String(length=16), nullable=False),
        sa.Column("other_id", BigInt, nullable=False),
        sa.Column("other_title", sa.Text(), nullable=False),
        sa.Column("starts_at", BigInt, nullable=False),
        sa.Column("ends_at", BigInt, nullable=False),
        sa.Column("last_ends_at", BigInt, nullable=False),
        sa.Column("overlaps", sa.Text(), nullable=False),
        sa.Column("overlap_count", BigInt, nullable=False),
        sa.Column("status", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("version", BigInt, nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=255), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'acknowledged', 'resolved')", name=op.f("conflicts_status_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("conflicts_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "conflicts_user_id_job_name_other_slug_other_name_key",
        "conflicts",
        ["user_id", "job_name", "other_slug", "other_name"],
        unique=True,
    )
    op.create_index(
        op.f("conflicts_user_id_other_slug_other_name_index"),
        "conflicts",
        ["user_id", "other_slug", "other_name"],
    )
    op.create_index(op.f("conflicts_status_ends_at_index"), "conflicts", ["status", "ends_at"])
    op.create_index(op.f("conflicts_starts_at_id_index"), "conflicts", ["starts_at", "id"])
    op.create_table(
        "conflict_checks",
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
    )
    op.create_index(op.f("conflict_checks_user_id_index"), "conflict_checks", ["user_id"])
    op.create_table(
        "conflict_users",
        sa.Column("user_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("conflict_users_pkey")),
    )
