# SPDX-License-Identifier: GPL-3.0-or-later
"""Of each user it is known whether conflicts were left out because there are too many."""

from __future__ import annotations

import sqlalchemy as sa

from scheduling.migrations.columns import add_columns

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    add_columns(
        "conflict_users", [sa.Column("crowded", sa.Boolean, server_default=sa.false(), nullable=False)]
    )
