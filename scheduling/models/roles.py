# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and what each permits; `users.role` refers to a role by name."""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.models.base import Base


class Role(Base):
    """A named set of permissions. Built-in ones cannot be removed."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    description: Mapped[str] = mapped_column(String(255), server_default="")
    built_in: Mapped[bool] = mapped_column(Boolean, server_default=false())


class RolePermission(Base):
    """One permission of a role; the super-admin's are not listed, being all there are."""

    __tablename__ = "role_permissions"

    role: Mapped[str] = mapped_column(ForeignKey("roles.name", ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(64), primary_key=True)
