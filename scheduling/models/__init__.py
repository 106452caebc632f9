# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables, one module per subject. Every table that grows is keyed by user or calendar first."""

from __future__ import annotations

from scheduling.models.access import AppPassword, Credential, Instance, LoginFailure, Setting
from scheduling.models.api import IdempotentRequest, RequestCount
from scheduling.models.api_keys import ApiKey
from scheduling.models.audit import AuditEntry
from scheduling.models.availability import FreeBusyLink, WorkingPeriod
from scheduling.models.base import Base
from scheduling.models.calendars import (
    Calendar,
    CalendarObject,
    CalendarProperty,
    CalendarRevision,
    OccurrenceRow,
    ScheduleChange,
    UnrenderedSource,
    lasts,
)
from scheduling.models.conflicts import Conflict, ConflictCheck, ConflictUser
from scheduling.models.deliveries import Delivery
from scheduling.models.feeds import Feed, FeedToken
from scheduling.models.imports import ExternalEvent, ExternalEventVersion, Generation, Subscription
from scheduling.models.mail import Mail
from scheduling.models.one_time_links import OneTimeLink
from scheduling.models.processes import Process
from scheduling.models.roles import Role, RolePermission
from scheduling.models.schedule import CONTRACT_TABLES, Blocker, Job, JobAssignment, TimeOff, User
from scheduling.models.sessions import BrowserSession
from scheduling.models.sign_in_refusals import SignInRefusal
from scheduling.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "CONTRACT_TABLES",
    "ApiKey",
    "AppPassword",
    "AuditEntry",
    "Base",
    "Blocker",
    "BrowserSession",
    "Calendar",
    "CalendarObject",
    "CalendarProperty",
    "CalendarRevision",
    "Conflict",
    "ConflictCheck",
    "ConflictUser",
    "Credential",
    "Delivery",
    "ExternalEvent",
    "ExternalEventVersion",
    "Feed",
    "FeedToken",
    "FreeBusyLink",
    "Generation",
    "IdempotentRequest",
    "Instance",
    "Job",
    "JobAssignment",
    "LoginFailure",
    "Mail",
    "OccurrenceRow",
    "OneTimeLink",
    "Process",
    "RequestCount",
    "Role",
    "RolePermission",
    "ScheduleChange",
    "Setting",
    "SignInRefusal",
    "Subscription",
    "TimeOff",
    "UnrenderedSource",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WorkingPeriod",
    "lasts",
]
