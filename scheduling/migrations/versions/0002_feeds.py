# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of feeds, links that overlap their replacement, and the delivery ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt, UtcDateTime

revision = "0002"
down_revision = "0001"

_FEEDS = "id, user_id, label, created_at, changed_at, revoked_at"
_TOKENS = "lookup, feed_id, encrypted, created_at, replaced_at"
_DETAIL = "detail IN ('full', 'busy')"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _rebuild()
    else:
        for column in _options():
            op.add_column("feeds", column)
        op.create_check_constraint(op.f("feeds_detail_check"), "feeds", _DETAIL)
        op.add_column("feed_tokens", sa.Column("ends_at", UtcDateTime(), nullable=True))
    op.create_table(
        "deliveries",
        sa.Column("user_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("source_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("calendar_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("scope", BigInt, nullable=False),
        sa.Column("first_at", BigInt, nullable=False),
        sa.Column("fetched_at", BigInt, nullable=False),
        sa.Column("last_at", BigInt, nullable=False),
        sa.Column("requests", BigInt, nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.CheckConstraint("source IN ('feed', 'app-password')", name=op.f("deliveries_source_check")),
        sa.PrimaryKeyConstraint(
            "user_id", "source", "source_id", "client", "calendar_id", name=op.f("deliveries_pkey")
        ),
    )
    op.create_index(op.f("deliveries_calendar_id_index"), "deliveries", ["calendar_id"], unique=False)


def _options() -> list[sa.Column[object]]:
    return [
        sa.Column(
            "kinds", sa.String(length=64), server_default="jobs,blockers,time-off,external", nullable=False
        ),
        sa.Column("detail", sa.String(length=8), server_default="full", nullable=False),
        sa.Column("history_months", BigInt, nullable=True),
        sa.Column("future_months", BigInt, nullable=True),
        sa.Column("cancelled_days", BigInt, nullable=True),
        sa.Column("alarm_minutes", BigInt, nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
    ]


def _rebuild() -> None:
    """SQLite adds no constraints to a table. The old ones are moved aside first, since dropping a table that others
    refer to would delete their rows.
    """
    op.drop_index("feeds_user_id_index", "feeds")
    op.drop_index("feed_tokens_feed_id_index", "feed_tokens")
    op.rename_table("feeds", "feeds_before")
    op.rename_table("feed_tokens", "feed_tokens_before")
    op.create_table(
        "feeds",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        *_options(),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", BigInt, nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(_DETAIL, name=op.f("feeds_detail_check")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("feeds_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("feeds_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("feeds_user_id_index"), "feeds", ["user_id"], unique=False)
    op.create_table(
        "feed_tokens",
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("feed_id", BigInt, nullable=False),
        sa.Column("encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("feed_tokens_feed_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("lookup", name=op.f("feed_tokens_pkey")),
    )
    op.create_index(op.f("feed_tokens_feed_id_index"), "feed_tokens", ["feed_id"], unique=False)
    for table, columns in (("feeds", _FEEDS), ("feed_tokens", _TOKENS)):
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_before")  # noqa: S608 - our own names
    op.drop_table("feed_tokens_before")
    op.drop_table("feeds_before")
