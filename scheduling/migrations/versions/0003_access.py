# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles as rows, API keys, and the audit log. `users.role` becomes a reference to a role."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.errors import SchedulingError
from scheduling.models.audit import APPEND_ONLY

revision = "0003"
down_revision = "0002"

_CHECK = "CONSTRAINT users_role_check CHECK (role IN ('member', 'dispatcher', 'admin', 'super-admin'))"
_REFERENCE = "CONSTRAINT users_role_fkey FOREIGN KEY(role) REFERENCES roles (name)"
_EDIT = sa.text(
    "UPDATE sqlite_master SET sql = replace(sql, :found, :wanted)"
    " WHERE type = 'table' AND name = 'users' AND instr(sql, :found) > 0"
)
_OWN = (
    "feeds.create_own",
    "feeds.view_own",
    "passwords.manage_own",
    "schedule.read_own",
    "subscriptions.manage_own",
)
_DISPATCHER = (
    *_OWN,
    "calendars.read_all",
    "schedule.read_all",
    "schedule.write",
    "settings.view",
    "users.view",
)
_ADMIN = (
    *_DISPATCHER,
    "api_keys.manage",
    "audit.view",
    "feeds.manage_all",
    "settings.edit",
    "subscriptions.manage_all",
    "users.manage",
    "webhooks.manage",
)
_ROLES = {
    "member": ("Sees and shares the own calendars.", _OWN),
    "dispatcher": ("Plans: reads everybody's calendars and writes the schedule.", _DISPATCHER),
    "admin": ("Also looks after users, settings, all feeds and imports.", _ADMIN),
    "super-admin": ("May do everything, roles included.", ()),
}


def upgrade() -> None:
    _create_roles()
    _refer_to_roles()
    _create_api_keys()
    _create_audit_log()


def _create_roles() -> None:
    roles = op.create_table(
        "roles",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("built_in", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("roles_pkey")),
    )
    permissions = op.create_table(
        "role_permissions",
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("permission", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["role"], ["roles.name"], name=op.f("role_permissions_role_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("role", "permission", name=op.f("role_permissions_pkey")),
    )
    op.bulk_insert(
        roles,
        [{"name": name, "description": text, "built_in": True} for name, (text, _) in _ROLES.items()],
    )
    op.bulk_insert(
        permissions,
        [{"role": name, "permission": it} for name, (_, granted) in _ROLES.items() for it in granted],
    )


def _refer_to_roles() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.drop_constraint(op.f("users_role_check"), "users", type_="check")
        op.create_foreign_key(op.f("users_role_fkey"), "users", "roles", ["role"], ["name"])
        return
    # A constraint changes nothing on disk: SQLite's documentation has its text edited in the schema ("Making Other
    # Kinds Of Table Schema Changes"). Copying the table instead would cascade to everything that refers to it.
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        edited = connection.execute(_EDIT, {"found": _CHECK, "wanted": _REFERENCE}).rowcount
        connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if edited != 1:
        raise SchedulingError(
            "The table users is not as revision 0001 made it: give it back its constraint users_role_check."
        )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", BigInt, nullable=True),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("api_keys_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("lookup", name=op.f("api_keys_lookup_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("api_keys_user_id_index"), "api_keys", ["user_id"], unique=False)


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", BigInt, nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=320), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_log_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("audit_log_at_index"), "audit_log", ["at"], unique=False)
    op.create_index(op.f("audit_log_subject_id_index"), "audit_log", ["subject", "id"], unique=False)
    for statement in APPEND_ONLY[op.get_context().dialect.name]:
        op.execute(sa.text(statement.replace(":", "\\:")))
