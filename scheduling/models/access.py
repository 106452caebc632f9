# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come in, and what is set while running: credentials, failed logins, settings, the installation's name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class Credential(Base):
    """A user's main password (argon2). `version` changes with every change, so that caches notice."""

    __tablename__ = "credentials"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(32))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AppPassword(Base):
    """A random password for one calendar client; only its keyed hash is kept."""

    __tablename__ = "app_passwords"
    __table_args__ = (Index(None, "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginFailure(Base):
    """Recent failed logins per throttle key (a keyed hash of account and address, account, or address)."""

    __tablename__ = "login_failures"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int] = mapped_column(BigInt)
    blocked_until: Mapped[int] = mapped_column(BigInt)
    last_at: Mapped[int] = mapped_column(BigInt)


class Setting(Base):
    """A value set while running, over the ini file's; JSON text."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Instance(Base):
    """One row: the random name of this installation, part of every UID."""

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(32))
