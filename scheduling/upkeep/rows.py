# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that somebody wrote by SQL and that mean nothing: every one of them is found, and not an example."""

from __future__ import annotations

from sqlalchemy import Connection, select

from scheduling.access.permissions import Permission
from scheduling.ical.timezones import is_zone
from scheduling.models import (
    Calendar,
    Job,
    Role,
    RolePermission,
    Subscription,
    UnrenderedSource,
    User,
)
from scheduling.sentences import counted
from scheduling.upkeep.finding import Level, Result


def left_out(connection: Connection) -> Result:
    """Rows that are in no calendar, because nothing can be made of them."""
    found = connection.execute(
        select(Calendar.slug, UnrenderedSource.source_id, UnrenderedSource.reason, User.username)
        .join(Calendar, Calendar.id == UnrenderedSource.calendar_id)
        .outerjoin(User, User.id == Calendar.user_id)
        .order_by(Calendar.slug, UnrenderedSource.source_id, User.username)
    ).all()
    if not found:
        return Level.OK, "Every row could be turned into a calendar item."
    told = [f"{row.slug} {row.source_id} ({row.username}): {row.reason}" for row in found]
    held = "it holds" if len(told) == 1 else "they hold"
    count = counted(len(told), "row is", "rows are")
    example = f"{found[0].slug} {found[0].source_id}: {found[0].reason}"
    return Level.WARNING, f"{count} left out of calendars because of what {held}; {example}.", *told


def unusable_zones(connection: Connection) -> Result:
    """Time zones that are none: whole days and recurring times of their users cannot be placed."""
    told = [
        f"users {row.id} ({row.username}): {_shown(row.time_zone)}"
        for row in connection.execute(select(User.id, User.username, User.time_zone).order_by(User.id))
        if not is_zone(row.time_zone)
    ]
    told += [
        f"subscriptions {row.id}: {_shown(row.time_zone)}"
        for row in connection.execute(
            select(Subscription.id, Subscription.time_zone)
            .where(Subscription.time_zone.is_not(None), Subscription.detached_at.is_(None))
            .order_by(Subscription.id)
        )
        if not is_zone(row.time_zone)
    ]
    zones = connection.scalars(select(Job.time_zone).where(Job.time_zone.is_not(None)).distinct())
    bad = [zone for zone in zones if zone is not None and not is_zone(zone)]
    jobs = select(Job.id, Job.time_zone).where(Job.time_zone.in_(bad)).order_by(Job.id)
    told += [f"jobs {row.id}: {_shown(row.time_zone)}" for row in connection.execute(jobs)]
    if not told:
        return Level.OK, "Every time zone exists."
    count = counted(len(told), "row names", "rows name")
    return (
        Level.WARNING,
        f"{count} a time zone that does not exist: give an IANA name such as Europe/Berlin.",
        *told,
    )


def unusable_roles(connection: Connection) -> Result:
    """Users whose role is none, who may do nothing, and permissions of roles that are none."""
    roles = set(connection.scalars(select(Role.name)))
    told = [
        f"users {row.id} ({row.username}): {_shown(row.role)}"
        for row in connection.execute(select(User.id, User.username, User.role).order_by(User.id))
        if row.role not in roles
    ]
    known = {it.value for it in Permission}
    told += [
        f"role {row.role}: {_shown(row.permission)}"
        for row in connection.execute(
            select(RolePermission.role, RolePermission.permission).order_by(
                RolePermission.role, RolePermission.permission
            )
        )
        if row.permission not in known or row.role not in roles
    ]
    if not told:
        return Level.OK, "Every role and permission exists."
    count = counted(len(told), "row names", "rows name")
    return Level.WARNING, f"{count} a role or permission that does not exist.", *told


def _shown(value: str) -> str:
    """A value as it may be shown on a terminal."""
    return ascii(value[:64])
