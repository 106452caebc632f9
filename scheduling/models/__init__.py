# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables, one module per subject. Every table that grows is keyed by user or calendar first."""

from __future__ import annotations

from scheduling.models.access import AppPassword, Credential, Instance, LoginFailure, Setting
from scheduling.models.base import Base
from scheduling.models.calendars import (
    Calendar,
    CalendarObject,
    CalendarProperty,
    CalendarRevision,
    OccurrenceRow,
    ScheduleChange,
    UnrenderedSource,
)
from scheduling.models.feeds import Feed, FeedToken
from scheduling.models.imports import ExternalEvent, Subscription
from scheduling.models.schedule import CONTRACT_TABLES, Blocker, Job, JobAssignment, TimeOff, User

__all__ = [
    "CONTRACT_TABLES",
    "AppPassword",
    "Base",
    "Blocker",
    "Calendar",
    "CalendarObject",
    "CalendarProperty",
    "CalendarRevision",
    "Credential",
    "ExternalEvent",
    "Feed",
    "FeedToken",
    "Instance",
    "Job",
    "JobAssignment",
    "LoginFailure",
    "OccurrenceRow",
    "ScheduleChange",
    "Setting",
    "Subscription",
    "TimeOff",
    "UnrenderedSource",
    "User",
]
