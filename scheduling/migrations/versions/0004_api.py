# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the REST API, and the index by which it finds what changed since a moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "idempotent_requests",
        sa.Column("scope", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", BigInt, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("scope", name=op.f("idempotent_requests_pkey")),
    )
    op.create_index(op.f("idempotent_requests_created_at_index"), "idempotent_requests", ["created_at"])
    op.create_table(
        "request_counts",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time_window", BigInt, nullable=False),
        sa.Column("requests", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("request_counts_pkey")),
    )
    op.create_index(op.f("calendar_objects_changed_at_index"), "calendar_objects", ["changed_at"])
