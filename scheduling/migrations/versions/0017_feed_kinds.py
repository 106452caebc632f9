# SPDX-License-Identifier: GPL-3.0-or-later
"""A feed names any number of kinds of calendar, and always says which."""

from __future__ import annotations

import sqlalchemy as sa

from scheduling.migrations.columns import change_column

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    change_column("feeds", sa.Column("kinds", sa.Text(), nullable=False))
