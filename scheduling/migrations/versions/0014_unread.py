# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions and their generations say about which time they could not be read."""

from __future__ import annotations

import sqlalchemy as sa

from scheduling.migrations.columns import add_columns

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    add_columns("subscriptions", [sa.Column("unread", sa.Text)])
    add_columns("subscription_generations", [sa.Column("unread", sa.Text)])
