# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log, which the database itself refuses to change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Identity, Index, String, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base

_REFUSAL = "The audit log is append-only."
APPEND_ONLY = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_log_{verb.lower()} BEFORE {verb} ON audit_log"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
        "CREATE TRIGGER audit_log_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()",
    ),
}
"""The statements that make it so, by database."""


class AuditEntry(Base):
    """One security-relevant act; `facts` is a JSON object of texts and numbers. No foreign keys: an entry outlives
    whom and what it speaks of.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "subject", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigInt)
    actor: Mapped[str] = mapped_column(String(255))
    address: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(320))
    facts: Mapped[str] = mapped_column(Text)


def _make_append_only(_table: object, connection: Connection, **_options: object) -> None:
    for statement in APPEND_ONLY[connection.dialect.name]:
        connection.exec_driver_sql(statement)


event.listen(AuditEntry.__table__, "after_create", _make_append_only)
