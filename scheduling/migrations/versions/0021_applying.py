# SPDX-License-Identifier: GPL-3.0-or-later
"""Large states of outside calendars are written in steps and shown at once, and large calendars removed in steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.migrations.columns import add_columns

revision = "0021"
down_revision = "0020"

_UNFINISHED = sa.text("applying IS NOT NULL OR erased")


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    add_columns(
        "subscriptions",
        [
            sa.Column("applying", big, nullable=True),
            sa.Column("leaving", sa.String(16), nullable=True),
            sa.Column("erased", sa.Boolean, server_default=sa.false(), nullable=False),
        ],
    )
    op.create_index(
        "subscriptions_unfinished_index",
        "subscriptions",
        ["id"],
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    )
