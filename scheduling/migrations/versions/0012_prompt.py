# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions remember whether their source answered well and soon; of those there are, whether it answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.migrations.columns import add_columns

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    prompt = sa.Column("prompt", sa.Boolean, server_default=sa.false(), nullable=False)
    add_columns("subscriptions", [prompt])
    known = sa.table("subscriptions", *map(sa.column, ("prompt", "failures", "last_success_at")))
    answered = known.update().where(known.c.failures == 0, known.c.last_success_at.is_not(None))
    op.execute(answered.values(prompt=sa.true()))
