# SPDX-License-Identifier: GPL-3.0-or-later
"""The first schema: contract tables, Daysheet's own tables, and the triggers that fill the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database import triggers
from scheduling.database.types import Amount, BigInt, IsoDate, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=True),
        sa.Column("color", sa.String(length=9), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("pruned_revision", BigInt, nullable=False),
        sa.Column("view_epoch", sa.String(length=32), nullable=False),
        sa.Column("changed_at", BigInt, nullable=False),
        sa.Column("expanded_from", BigInt, nullable=False),
        sa.Column("expanded_until", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("calendars_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index("calendars_user_id_slug_key", "calendars", ["user_id", "slug"], unique=True)
    op.create_table(
        "instance",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("instance_pkey")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("job_type", sa.String(length=255), nullable=True),
        sa.Column("organisation", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="offered", nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("start_date", IsoDate(), nullable=True),
        sa.Column("end_date", IsoDate(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("rate", Amount(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False),
        sa.CheckConstraint(
            "(starts_at IS NULL OR (starts_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ "
            "T][0-2][0-9]:[0-5][0-9]*' AND julianday(starts_at) IS NOT NULL)) AND (ends_at IS NULL OR "
            "(ends_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]*' AND "
            "julianday(ends_at) IS NOT NULL))",
            name=op.f("jobs_instants_check"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "status IN ('offered', 'confirmed', 'delivered', 'invoiced', 'paid', 'cancelled')",
            name=op.f("jobs_status_check"),
        ),
        sa.CheckConstraint(
            "(start_date IS NULL OR (start_date = date(start_date))) AND (end_date IS NULL OR (end_date = "
            "date(end_date)))",
            name=op.f("jobs_dates_check"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "(starts_at IS NULL OR (starts_at >= '1000-01-01 00:00+00' AND ends_at < '3000-01-01 "
            "00:00+00')) AND (start_date IS NULL OR (start_date >= '1000-01-01' AND end_date < "
            "'3000-01-01')) AND isfinite(created_at)",
            name=op.f("jobs_range_check"),
        ).ddl_if(dialect="postgresql"),
        sa.CheckConstraint(
            "(starts_at IS NOT NULL AND ends_at IS NOT NULL AND start_date IS NULL AND end_date IS NULL "
            "AND ends_at >= starts_at) OR (starts_at IS NULL AND ends_at IS NULL AND start_date IS NOT "
            "NULL AND end_date IS NOT NULL AND end_date > start_date)",
            name=op.f("jobs_period_check"),
        ),
        sa.CheckConstraint(
            "latitude IS NULL OR (latitude >= -90 AND latitude <= 90)", name=op.f("jobs_latitude_check")
        ),
        sa.CheckConstraint(
            "longitude IS NULL OR (longitude >= -180 AND longitude <= 180)", name=op.f("jobs_longitude_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint("reference", name=op.f("jobs_reference_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "login_failures",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failures", BigInt, nullable=False),
        sa.Column("blocked_until", BigInt, nullable=False),
        sa.Column("last_at", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("login_failures_pkey")),
    )
    op.create_table(
        "schedule_changes",
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("source_id", BigInt, nullable=True),
        sa.Column("changed_at", BigInt, nullable=False),
    )
    op.create_index(
        op.f("schedule_changes_user_id_slug_index"), "schedule_changes", ["user_id", "slug"], unique=False
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("settings_pkey")),
    )
    op.create_table(
        "users",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("time_zone", sa.String(length=64), server_default="UTC", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("calendar_access", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("role", sa.String(length=32), server_default="member", nullable=False),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False),
        sa.CheckConstraint(
            "role IN ('member', 'dispatcher', 'admin', 'super-admin')", name=op.f("users_role_check")
        ),
        sa.CheckConstraint(
            "username <> '' AND username NOT LIKE '%/%' AND username NOT LIKE '%:%' AND username NOT LIKE "
            "'.%'",
            name=op.f("users_username_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("username", name=op.f("users_username_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "app_passwords",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("app_passwords_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("app_passwords_pkey")),
        sa.UniqueConstraint("lookup", name=op.f("app_passwords_lookup_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("app_passwords_user_id_index"), "app_passwords", ["user_id"], unique=False)
    op.create_table(
        "blockers",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("start_date", IsoDate(), nullable=True),
        sa.Column("end_date", IsoDate(), nullable=True),
        sa.Column("rrule", sa.Text(), nullable=True),
        sa.Column("rdate", sa.Text(), nullable=True),
        sa.Column("exdate", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False),
        sa.CheckConstraint(
            "(starts_at IS NULL OR (starts_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ "
            "T][0-2][0-9]:[0-5][0-9]*' AND julianday(starts_at) IS NOT NULL)) AND (ends_at IS NULL OR "
            "(ends_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]*' AND "
            "julianday(ends_at) IS NOT NULL))",
            name=op.f("blockers_instants_check"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "(start_date IS NULL OR (start_date = date(start_date))) AND (end_date IS NULL OR (end_date = "
            "date(end_date)))",
            name=op.f("blockers_dates_check"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "(starts_at IS NULL OR (starts_at >= '1000-01-01 00:00+00' AND ends_at < '3000-01-01 "
            "00:00+00')) AND (start_date IS NULL OR (start_date >= '1000-01-01' AND end_date < "
            "'3000-01-01')) AND isfinite(created_at)",
            name=op.f("blockers_range_check"),
        ).ddl_if(dialect="postgresql"),
        sa.CheckConstraint(
            "(starts_at IS NOT NULL AND ends_at IS NOT NULL AND start_date IS NULL AND end_date IS NULL "
            "AND ends_at >= starts_at) OR (starts_at IS NULL AND ends_at IS NULL AND start_date IS NOT "
            "NULL AND end_date IS NOT NULL AND end_date > start_date)",
            name=op.f("blockers_period_check"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("blockers_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("blockers_pkey")),
        sa.UniqueConstraint("reference", name=op.f("blockers_reference_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("blockers_user_id_index"), "blockers", ["user_id"], unique=False)
    op.create_table(
        "calendar_objects",
        sa.Column("calendar_id", BigInt, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("uid", sa.String(length=255), nullable=False),
        sa.Column("source_id", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("etag", sa.String(length=64), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("timezones", sa.Text(), server_default="", nullable=False),
        sa.Column("series", sa.Text(), server_default="", nullable=False),
        sa.Column("span", sa.SmallInteger(), nullable=False),
        sa.Column("starts_at", BigInt, nullable=False),
        sa.Column("ends_at", BigInt, nullable=False),
        sa.Column("leaves_on", BigInt, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("transparency", sa.String(length=16), nullable=False),
        sa.Column("busy", sa.String(length=16), nullable=False),
        sa.Column("changed_at", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("calendar_objects_calendar_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar_id", "name", name=op.f("calendar_objects_pkey")),
    )
    op.create_index(
        op.f("calendar_objects_calendar_id_leaves_on_name_index"),
        "calendar_objects",
        ["calendar_id", "leaves_on", "name"],
        unique=False,
    )
    op.create_index(
        op.f("calendar_objects_calendar_id_revision_index"),
        "calendar_objects",
        ["calendar_id", "revision"],
        unique=False,
    )
    op.create_index(
        op.f("calendar_objects_calendar_id_source_id_index"),
        "calendar_objects",
        ["calendar_id", "source_id"],
        unique=False,
    )
    op.create_index(
        "calendar_objects_extent_index",
        "calendar_objects",
        ["calendar_id", "span", "starts_at"],
        unique=False,
    )
    op.create_table(
        "calendar_properties",
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("calendar_properties_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "path", "name", name=op.f("calendar_properties_pkey")),
    )
    op.create_table(
        "calendar_revisions",
        sa.Column("calendar_id", BigInt, nullable=False),
        sa.Column("last", BigInt, nullable=False),
        sa.Column("first", BigInt, nullable=False),
        sa.Column("issued_at", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("calendar_revisions_calendar_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar_id", "last", name=op.f("calendar_revisions_pkey")),
    )
    op.create_table(
        "credentials",
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("credentials_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("credentials_pkey")),
    )
    op.create_table(
        "feeds",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", BigInt, nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("feeds_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("feeds_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("feeds_user_id_index"), "feeds", ["user_id"], unique=False)
    op.create_table(
        "job_assignments",
        sa.Column("job_id", BigInt, nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("job_assignments_job_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("job_assignments_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "user_id", name=op.f("job_assignments_pkey")),
    )
    op.create_index(op.f("job_assignments_user_id_index"), "job_assignments", ["user_id"], unique=False)
    op.create_table(
        "occurrences",
        sa.Column("calendar_id", BigInt, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("starts_at", BigInt, nullable=False),
        sa.Column("ends_at", BigInt, nullable=False),
        sa.Column("busy", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendars.id"], name=op.f("occurrences_calendar_id_fkey"), ondelete="CASCADE"
        ),
    )
    op.create_index(
        op.f("occurrences_calendar_id_name_index"), "occurrences", ["calendar_id", "name"], unique=False
    )
    op.create_index(
        op.f("occurrences_calendar_id_starts_at_index"),
        "occurrences",
        ["calendar_id", "starts_at"],
        unique=False,
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("encrypted_url", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("read_in", sa.String(length=64), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("failures", BigInt, server_default="0", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("next_at", BigInt, nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", BigInt, server_default="0", nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'error', 'paused')", name=op.f("subscriptions_status_check")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("subscriptions_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("subscriptions_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("subscriptions_status_next_at_index"), "subscriptions", ["status", "next_at"], unique=False
    )
    op.create_index(op.f("subscriptions_user_id_index"), "subscriptions", ["user_id"], unique=False)
    op.create_table(
        "time_off",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="requested", nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("start_date", IsoDate(), nullable=True),
        sa.Column("end_date", IsoDate(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False),
        sa.CheckConstraint(
            "(starts_at IS NULL OR (starts_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ "
            "T][0-2][0-9]:[0-5][0-9]*' AND julianday(starts_at) IS NOT NULL)) AND (ends_at IS NULL OR "
            "(ends_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]*' AND "
            "julianday(ends_at) IS NOT NULL))",
            name=op.f("time_off_instants_check"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "status IN ('requested', 'approved', 'declined', 'cancelled')", name=op.f("time_off_status_check")
        ),
        sa.CheckConstraint(
            "(start_date IS NULL OR (start_date = date(start_date))) AND (end_date IS NULL OR (end_date = "
            "date(end_date)))",
            name=op.f("time_off_dates_check"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "(starts_at IS NULL OR (starts_at >= '1000-01-01 00:00+00' AND ends_at < '3000-01-01 "
            "00:00+00')) AND (start_date IS NULL OR (start_date >= '1000-01-01' AND end_date < "
            "'3000-01-01')) AND isfinite(created_at)",
            name=op.f("time_off_range_check"),
        ).ddl_if(dialect="postgresql"),
        sa.CheckConstraint(
            "(starts_at IS NOT NULL AND ends_at IS NOT NULL AND start_date IS NULL AND end_date IS NULL "
            "AND ends_at >= starts_at) OR (starts_at IS NULL AND ends_at IS NULL AND start_date IS NOT "
            "NULL AND end_date IS NOT NULL AND end_date > start_date)",
            name=op.f("time_off_period_check"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("time_off_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("time_off_pkey")),
        sa.UniqueConstraint("reference", name=op.f("time_off_reference_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("time_off_user_id_index"), "time_off", ["user_id"], unique=False)
    op.create_table(
        "unrendered_sources",
        sa.Column("calendar_id", BigInt, nullable=False),
        sa.Column("source_id", BigInt, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("unrendered_sources_calendar_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar_id", "source_id", name=op.f("unrendered_sources_pkey")),
    )
    op.create_table(
        "external_events",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("subscription_id", BigInt, nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("uid", sa.String(length=255), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("timezones", sa.Text(), server_default="", nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("transparency", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("external_events_subscription_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("external_events_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "external_events_subscription_id_uid_key", "external_events", ["subscription_id", "uid"], unique=True
    )
    op.create_table(
        "feed_tokens",
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("feed_id", BigInt, nullable=False),
        sa.Column("encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("feed_tokens_feed_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("lookup", name=op.f("feed_tokens_pkey")),
    )
    op.create_index(op.f("feed_tokens_feed_id_index"), "feed_tokens", ["feed_id"], unique=False)
    for statement in triggers.statements(op.get_context().dialect.name):
        op.execute(sa.text(statement.replace(":", "\\:")))
