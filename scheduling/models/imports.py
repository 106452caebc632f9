# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calendars and the events imported from them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base

UNFINISHED = text("applying IS NOT NULL OR erased")


class Subscription(Base):
    """An outside calendar that blocks a user's time; the URL is a credential and only kept encrypted, empty once it is
    detached. `read_in` is how it was read (scheduling/subscriptions/reading.py), `time_zone` the zone asked for (null:
    the user's). `source_key` is a keyed digest of the URL and its credentials, by which equal ones are fetched together
    (null: to be computed), `body_digest` one of what was last read, `refresh` the seconds that the feed asks to wait
    between fetches, `failing_since` the epoch second of the first failure in a row. The `sync_` moments are epoch
    milliseconds, 0 for never. `seen_generation` is the generation that `etag` and `last_modified` belong to; `moved`
    says that a new URL has not been read yet. Before the epoch second `rest_until` its server is left alone;
    `prompt` says that it answered well and soon when it was last asked, `unread` (scheduling/subscriptions/unread.py)
    about which time the state that is shown could not be read. While `applying` has a generation, its events are being
    written and the calendar stays as it is; the one that was shown goes to the state `leaving` then. An `erased` one is
    gone for everybody, and its rows are being removed.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'error', 'paused')", name="status"),
        CheckConstraint("busy IN ('honour', 'all')", name="busy"),
        CheckConstraint("tentative IN ('tentative', 'busy')", name="tentative"),
        CheckConstraint("visibility IN ('full', 'busy-only', 'hidden')", name="visibility"),
        Index(None, "user_id"),
        Index(None, "status", "next_at"),
        Index(None, "source_key"),
        Index("subscriptions_unfinished_index", "id", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    encrypted_url: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(16), server_default="active")
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    read_in: Mapped[str | None] = mapped_column(String(64))
    report: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(BigInt, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[int] = mapped_column(BigInt)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[int] = mapped_column(BigInt, server_default="0")
    source_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    body_digest: Mapped[str | None] = mapped_column(String(64))
    refresh: Mapped[int] = mapped_column(BigInt, server_default="0")
    failing_since: Mapped[int | None] = mapped_column(BigInt)
    encrypted_credentials: Mapped[bytes | None] = mapped_column(LargeBinary)
    busy: Mapped[str] = mapped_column(String(16), server_default="honour")
    tentative: Mapped[str] = mapped_column(String(16), server_default="tentative")
    visibility: Mapped[str] = mapped_column(String(16), server_default="full")
    time_zone: Mapped[str | None] = mapped_column(String(64))
    http: Mapped[str | None] = mapped_column(Text)
    sync_requested_at: Mapped[int] = mapped_column(BigInt, server_default="0")
    sync_started_at: Mapped[int] = mapped_column(BigInt, server_default="0")
    sync_finished_at: Mapped[int] = mapped_column(BigInt, server_default="0")
    sync_result: Mapped[str | None] = mapped_column(String(16))
    seen_generation: Mapped[int | None] = mapped_column(BigInt)
    moved: Mapped[bool] = mapped_column(Boolean, server_default=false())
    detached_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rest_until: Mapped[int] = mapped_column(BigInt, server_default="0")
    prompt: Mapped[bool] = mapped_column(Boolean, server_default=false())
    unread: Mapped[str | None] = mapped_column(Text)
    applying: Mapped[int | None] = mapped_column(BigInt)
    leaving: Mapped[str | None] = mapped_column(String(16))
    erased: Mapped[bool] = mapped_column(Boolean, server_default=false())


class ExternalEvent(Base):
    """One imported event (master and overrides of one UID), as normalised text with its stamps left open."""

    __tablename__ = "external_events"
    __table_args__ = (
        Index("external_events_subscription_id_uid_key", "subscription_id", "uid", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(BigInt)
    uid: Mapped[str] = mapped_column(String(255))
    content_hash: Mapped[str] = mapped_column(String(64))
    template: Mapped[str] = mapped_column(Text)
    timezones: Mapped[str] = mapped_column(Text, server_default="")
    series: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    transparency: Mapped[str] = mapped_column(String(16))


class Generation(Base):
    """One state in which a source was read: its events as compressed JSON of UIDs and content hashes. Moments are epoch
    seconds; `doubts` are the reasons for which it was quarantined, separated by spaces.
    """

    __tablename__ = "subscription_generations"
    __table_args__ = (
        CheckConstraint("state IN ('current', 'past', 'quarantined', 'rejected', 'withdrawn')", name="state"),
        Index(None, "subscription_id", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    doubts: Mapped[str] = mapped_column(Text, server_default="")
    events: Mapped[int] = mapped_column(BigInt)
    manifest: Mapped[bytes] = mapped_column(LargeBinary)
    seen_at: Mapped[int] = mapped_column(BigInt)
    last_seen_at: Mapped[int] = mapped_column(BigInt)
    doubted_at: Mapped[int | None] = mapped_column(BigInt)
    applied_at: Mapped[int | None] = mapped_column(BigInt)
    unread: Mapped[str | None] = mapped_column(Text)


class ExternalEventVersion(Base):
    """The content of an event that a kept generation holds and the calendar does not show: stored once for all of them.
    What the calendar shows is only in `external_events`.
    """

    __tablename__ = "external_event_versions"

    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    uid: Mapped[str] = mapped_column(String(255), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    template: Mapped[str] = mapped_column(Text)
    timezones: Mapped[str] = mapped_column(Text, server_default="")
    series: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    transparency: Mapped[str] = mapped_column(String(16))
