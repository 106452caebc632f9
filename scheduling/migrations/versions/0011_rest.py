# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions remember for how long their server asked to be left alone."""

from __future__ import annotations

import sqlalchemy as sa

from scheduling.database.types import BigInt
from scheduling.migrations.columns import add_columns

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    add_columns("subscriptions", [sa.Column("rest_until", BigInt, server_default="0", nullable=False)])
