# SPDX-License-Identifier: GPL-3.0-or-later
"""Alembic's entry point; the connection and its transaction belong to scheduling/database/schema.py."""

from __future__ import annotations

from alembic import context

from scheduling.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
