# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's `Storage` over the scheduling database: paths to collections, and one snapshot per lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

from radicale import config as radicale_config
from radicale import pathutils, types
from radicale.item import Item
from radicale.storage import BaseCollection, BaseStorage

from scheduling import kinds
from scheduling.access import credentials
from scheduling.availability import busy_time, formats
from scheduling.calendars import objects, properties
from scheduling.calendars.calendars import MAILBOXES, CalendarState, Principal, find_principal
from scheduling.calendars.catch_up import count_left_out
from scheduling.calendars.flights import flights_of
from scheduling.calendars.poll import HomePoll, Poll, Polling
from scheduling.database import schema
from scheduling.database.connection import Connection, connect_to
from scheduling.database.prepared import Source
from scheduling.database.types import READ_ALL_GROUP
from scheduling.ports import CalendarStorage, Expansion
from scheduling.readership import reader
from storage_plugin import config
from storage_plugin.collection import (
    CalendarCollection,
    HomeCollection,
    MailboxCollection,
    RootCollection,
)
from storage_plugin.item import CalendarItem
from storage_plugin.overlay import Overlay
from storage_plugin.request import Request

InHome = HomeCollection | MailboxCollection | CalendarCollection
"""The home itself and what is in it."""
Found = RootCollection | InHome | CalendarItem
"""What is found at a path."""


class _Thread(threading.local):
    """What belongs to the request that a thread answers."""

    snapshot: Request | None = None
    expansion: Expansion | None = None


class Storage(BaseStorage, CalendarStorage):
    """Loadable by plain Radicale with `[storage] type = storage_plugin`. Raises `SchemaMismatch` at start."""

    _is_collision_free = True
    _supports_unicode = True
    _supports_trailing_whitespace = True
    _supports_problematic_chars = True
    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(self, configuration: radicale_config.Configuration) -> None:
        super().__init__(configuration)
        self._config = config.read(configuration)
        self._database = connect_to(self._config.database)
        schema.require_current(self._database)
        self._polls = Polling(self._database, self._config)
        self._thread = _Thread()
        self.mailboxes = False
        """Whether users have inbox and outbox: where somebody answers for them, which plain Radicale does not."""

    @types.contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """One snapshot for everything done inside. There is nothing to write, so "w" is no different."""
        outer = self._thread.snapshot
        snapshot = Request(self._database, self._config, user, self.clock)
        self._thread.snapshot = snapshot
        try:
            yield
        finally:
            self._thread.snapshot = outer
            snapshot.close()

    def discover(
        self,
        path: str,
        depth: str = "0",
        child_context_manager: Callable[[str, str | None], AbstractContextManager[None]] | None = None,
        user_groups: set[str] | None = None,
    ) -> Iterator[Found]:
        """The collection or object at `path` and, unless `depth` is "0", its children. Inside the lock only."""
        snapshot = self._locked
        segments = [segment for segment in pathutils.strip_path(path).split("/") if segment]
        if not segments:
            yield from self._root(snapshot, depth, user_groups or set())
        elif len(segments) == 1:
            yield from self._home(snapshot, segments[0], depth)
        else:
            yield from self._calendar(snapshot, segments, depth)

    def _root(self, snapshot: Request, depth: str, user_groups: set[str]) -> Iterator[Found]:
        yield RootCollection(self, snapshot.overlay)
        if depth == "0" or not snapshot.viewer:
            return
        if READ_ALL_GROUP in user_groups:
            yield from (
                HomeCollection(self, it.username, it, snapshot.overlay) for it in snapshot.principals()
            )
        else:
            yield HomeCollection(self, snapshot.viewer, None, snapshot.overlay)

    def _home(self, snapshot: Request, username: str, depth: str) -> Iterator[Found]:
        principal = None
        if username != snapshot.viewer:  # the viewer has just been authenticated and is known to be there
            principal = snapshot.principal(username)
            if principal is None:
                return
        yield HomeCollection(self, username, principal, snapshot.overlay)
        if depth != "0":
            for state in snapshot.calendars(username):
                if _is_private(state, username, snapshot.viewer):
                    continue
                reader.saw(state.id, state.revision)
                yield CalendarCollection(self, state, snapshot.overlay)
            for slug in MAILBOXES:
                yield from self._mailbox(snapshot, username, slug)

    def _calendar(self, snapshot: Request, segments: list[str], depth: str) -> Iterator[Found]:
        if segments[1] in MAILBOXES:
            if len(segments) == 2:
                yield from self._mailbox(snapshot, segments[0], segments[1])
            return
        state = snapshot.calendar(segments[0], segments[1]) if len(segments) <= 3 else None
        if state is None or _is_private(state, segments[0], snapshot.viewer):
            return
        reader.saw(state.id, state.revision)
        collection = CalendarCollection(self, state, snapshot.overlay)
        if len(segments) == 3:
            for _, stored in objects.multi(snapshot.connection, state.id, state.cutoff, (segments[2],)):
                if stored is not None:
                    yield CalendarItem(collection, state.id, stored)
            return
        yield collection
        if depth != "0":
            yield from list(collection.get_all())

    def _mailbox(self, snapshot: Request, username: str, slug: str) -> Iterator[MailboxCollection]:
        if self.mailboxes and username == snapshot.viewer and snapshot.view.calendars.enabled:
            yield MailboxCollection(self, f"{username}/{slug}", snapshot.overlay)

    @property
    def _locked(self) -> Request:
        """The snapshot of the lock that this thread holds."""
        snapshot = self._thread.snapshot
        assert snapshot is not None, "inside the lock only"
        return snapshot

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The request's snapshot inside the lock; a short read transaction of its own outside."""
        snapshot = self._thread.snapshot
        if snapshot is not None:
            yield snapshot.connection
            return
        with self._database.read() as connection:
            yield connection

    @property
    def source(self) -> Source:
        """For single statements: the request's snapshot inside the lock, the database outside."""
        snapshot = self._thread.snapshot
        return self._database if snapshot is None else snapshot.connection

    @contextmanager
    def polling(
        self, username: str, lookup: bytes, slug: str
    ) -> Iterator[tuple[CalendarCollection, int] | None]:
        """A user's own calendar by an app password's keyed hash, and the app password, in one statement; None for
        whatever takes more than that (a wrong password, a calendar that is missing, a password whose use is
        to be noted).
        """
        request = Request(self._database, self._config, username, self.clock)
        self._thread.snapshot = request
        try:
            now = self.clock()
            found = self._polls.within(request.connection, username, lookup, slug, now)
            late = self._late(found, () if found is None else [found.calendar])
            if late:
                request.bring_up(late)
                found = self._polls.within(request.connection, username, lookup, slug, now)
            if found is not None and credentials.needs_touch(found.used_at, datetime.fromtimestamp(now, UTC)):
                found = None  # this transaction only reads
            yield self._polled(found, request.overlay)
        finally:
            self._thread.snapshot = None
            request.close()

    def glance(self, username: str, lookup: bytes, slug: str) -> tuple[CalendarCollection, int] | None:
        """As `polling`, for what is answered from the calendar's state and at most one more statement: there is no
        transaction.
        """
        now = self.clock()
        found = self._polls.glance(username, lookup, slug, now)
        if late := self._late(found, () if found is None else [found.calendar]):
            self._bring_up(username, late)
            found = self._polls.glance(username, lookup, slug, now)
        if found is not None:
            self._note_use(found, now)
        return self._polled(found, Overlay(self._database, username))

    def glance_home(self, username: str, lookup: bytes) -> tuple[list[InHome], int] | None:
        """As `glance`, of the user's home: itself, the calendars and the mailboxes in it."""
        now = self.clock()
        found = self._polls.home(username, lookup, now)
        if late := self._late(found, () if found is None else found.calendars):
            self._bring_up(username, late)
            found = self._polls.home(username, lookup, now)
        if found is None or not found.enabled:
            return None
        self._note_use(found, now)
        overlay = Overlay(self._database, username)
        mailboxes = MAILBOXES if self.mailboxes else ()
        collections: list[InHome] = [
            HomeCollection(self, username, found.owner, overlay),
            *(CalendarCollection(self, it, overlay) for it in found.calendars),
            *(MailboxCollection(self, f"{username}/{slug}", overlay) for slug in mailboxes),
        ]
        return collections, found.app_password_id

    def _late(
        self, found: Poll | HomePoll | None, calendars: Sequence[CalendarState]
    ) -> list[tuple[int, str]]:
        """Those calendars (user id, slug) that are to be caught up before an answer."""
        if found is None or not found.enabled:
            return []
        behind = [state for state in calendars if state.behind]
        if not behind:
            return []
        flights = flights_of(self._database)
        return [
            (state.owner.user_id, state.slug)
            for state in behind
            if not flights.is_fresh((state.owner.user_id, state.slug, found.epoch))
        ]

    def _bring_up(self, username: str, late: Sequence[tuple[int, str]]) -> None:
        """What is behind after this was written after the request came."""
        with Request(self._database, self._config, username, self.clock) as request:
            request.bring_up(late)

    def _note_use(self, found: Poll | HomePoll, now: float) -> None:
        moment = datetime.fromtimestamp(now, UTC)
        credentials.note_use(self._database, found.app_password_id, found.used_at, moment)

    def _polled(self, found: Poll | None, overlay: Overlay) -> tuple[CalendarCollection, int] | None:
        if found is None or not found.enabled:
            return None
        return CalendarCollection(self, found.calendar, overlay), found.app_password_id

    def find_principal(self, username: str) -> Principal | None:
        """The served user called `username`."""
        with self.reading() as connection:
            return find_principal(connection, username)

    def readable_principals(self, viewer: str) -> list[str]:
        """The usernames of everybody else, for a viewer who may read all calendars."""
        with self.acquire_lock("r", viewer):
            snapshot = self._locked
            return [it.username for it in snapshot.principals() if it.username != viewer]

    def set_private_properties(self, viewer: str, path: str, values: Mapping[str, str | None]) -> None:
        """Keep or remove client-private properties of `viewer` on `path`. Raises `Invalid`."""
        with self._database.write() as connection:
            properties.change(connection, viewer, path, values)

    def free_busy(self, username: str, slug: str | None, start: int, end: int, stamp: int) -> str:
        """The availability of a user, or what one of the calendars makes of it, as a VFREEBUSY; inside the lock.

        Raises `NotFound`, `Invalid` for a range that is too long.
        """
        return formats.vfreebusy(busy_time.of_user(self._locked, username, start, end, slug), stamp)

    @property
    def expansion(self) -> Expansion | None:
        """What this thread's report wants expanded."""
        return self._thread.expansion

    @contextmanager
    def expanding(self, expansion: Expansion) -> Iterator[None]:
        """While open, reports of this thread get `expansion`'s instances: Radicale strips the time range from a query
        that asks for `expand` and would read the whole calendar.
        """
        self._thread.expansion = expansion
        try:
            yield
        finally:
            self._thread.expansion = None

    def move(self, item: Item, to_collection: BaseCollection, to_href: str) -> NoReturn:
        """Refused."""
        raise PermissionError("calendars are read-only")

    def create_collection(
        self, href: str, items: Iterable[Item] | None = None, props: Mapping[str, str] | None = None
    ) -> NoReturn:
        """Refused: calendars follow from the schedule."""
        raise PermissionError("calendars are read-only")

    def verify(self) -> bool:
        """Whether the schema is current and every source row can be shown (`radicale --verify-storage`)."""
        schema.require_current(self._database)
        with self._database.read() as connection:
            return count_left_out(connection) == 0


def _is_private(state: CalendarState, owner: str, viewer: str) -> bool:
    """Whether the calendar is imported and somebody else's, who only sees from free-busy that it takes time."""
    return kinds.of(state.kind).imported and owner != viewer
