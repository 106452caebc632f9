# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server asks of the storage and auth plugins. The plugins implement these protocols, `server/dav` is typed
against them, and neither imports the other.

Every resource says by `resource` which of them it is. A type checker narrows by comparing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from scheduling.calendars.calendars import CalendarState, Principal
from scheduling.database.connection import Connection
from scheduling.database.prepared import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """What a report wants expanded (RFC 4791, section 9.6.5): instances within [start, end) epoch seconds, of objects
    that overlap [after, before).
    """

    start: int
    end: int
    after: int
    before: int


class Resource(Protocol):
    """What collections and objects have in common."""

    @property
    def etag(self) -> str:
        """Strong entity tag, quoted."""

    @property
    def last_modified(self) -> str:
        """HTTP-date of the last visible change."""


class Object(Resource, Protocol):
    """A calendar object resource (RFC 4791, section 4.1)."""

    @property
    def resource(self) -> Literal["object"]:
        """What it is."""

    def serialize(self) -> str:
        """The complete iCalendar object."""


class Collection(Resource, Protocol):
    """What the collections have in common."""

    @property
    def path(self) -> str:
        """Without slashes at either end; empty for the root."""

    @property
    def owner(self) -> str:
        """The username that the path starts with."""

    def get_meta(self, key: str, /) -> str | None:
        """One property by Radicale's short name, the viewer's own value where he has set one."""

    def sync(self) -> tuple[str, object]:
        """The sync token first (RFC 6578)."""


class Root(Collection, Protocol):
    """The collection of all homes."""

    @property
    def resource(self) -> Literal["root"]:
        """What it is."""


class Home(Collection, Protocol):
    """A user's principal resource and calendar home (RFC 3744, section 4; RFC 4791, section 6.2.1)."""

    @property
    def resource(self) -> Literal["home"]:
        """What it is."""

    @property
    def principal(self) -> Principal | None:
        """The user; None for one who is gone."""

    def free_busy(self, start: int, end: int, stamp: int) -> str:
        """The user's availability as one VFREEBUSY for [start, end) epoch seconds (RFC 4791, section 7.10). Inside the
        lock. Raises `Invalid` for a range that is too long, `NotFound`.
        """


class Mailbox(Collection, Protocol):
    """A scheduling inbox or outbox (RFC 6638, section 2)."""

    @property
    def resource(self) -> Literal["mailbox"]:
        """What it is."""

    @property
    def mailbox(self) -> str:
        """One of `calendars.MAILBOXES`."""


class Calendar(Collection, Protocol):
    """A calendar collection (RFC 4791, section 4.2)."""

    @property
    def resource(self) -> Literal["calendar"]:
        """What it is."""

    @property
    def state(self) -> CalendarState:
        """The calendar as of the request."""

    def free_busy(self, start: int, end: int, stamp: int) -> str:
        """As of a home, what this calendar alone says."""

    def lengths(self) -> tuple[int, Mapping[str, int]]:
        """Octets of the whole calendar, and of each object by its name."""

    def one(self, name: str) -> Object | None:
        """The object called `name`."""

    def pieces(self) -> Iterator[bytes]:
        """The whole calendar as one .ics in UTF-8, some at a time."""


AnyCollection = Root | Home | Mailbox | Calendar
InHome = Home | Mailbox | Calendar
"""The home itself and what is in it."""
Found = AnyCollection | Object
"""What is found at a path."""


@runtime_checkable
class CalendarStorage(Protocol):
    """The storage plugin. Everything raises `DatabaseUnavailable`."""

    mailboxes: bool
    """Whether users have an inbox and an outbox."""

    def acquire_lock(self, mode: str, user: str = "") -> AbstractContextManager[None]:
        """One snapshot of the database for everything that this thread does inside, on behalf of `user`."""

    def discover(self, path: str, depth: str = "0") -> Iterator[Found]:
        """The collection or object at `path` and, unless `depth` is "0", its children. Inside the lock only."""

    def reading(self) -> AbstractContextManager[Connection]:
        """The request's snapshot inside the lock; a short read transaction of its own outside."""

    @property
    def source(self) -> Source:
        """For single statements: the request's snapshot inside the lock, the database outside."""

    def polling(
        self, username: str, lookup: bytes, slug: str
    ) -> AbstractContextManager[tuple[Calendar, int] | None]:
        """A user's own calendar by an app password's keyed hash, and the app password, with a snapshot for the block;
        None for whatever takes more than one statement.
        """

    def glance(self, username: str, lookup: bytes, slug: str) -> tuple[Calendar, int] | None:
        """As `polling`, without a snapshot."""

    def glance_home(self, username: str, lookup: bytes) -> tuple[Sequence[InHome], int] | None:
        """As `glance`, of the user's home: itself first, then what is in it."""

    def find_principal(self, username: str) -> Principal | None:
        """The served user called `username`."""

    def readable_principals(self, viewer: str) -> Sequence[str]:
        """The usernames of everybody else, for a viewer who may read all calendars."""

    def set_private_properties(self, viewer: str, path: str, values: Mapping[str, str | None]) -> None:
        """Keep or remove client-private properties of `viewer` on `path`. Raises `Invalid`."""

    def expanding(self, expansion: Expansion) -> AbstractContextManager[None]:
        """While open, reports of this thread get `expansion`'s instances."""


@runtime_checkable
class SignIn(Protocol):
    """The auth plugin. What it says of an attempt is of this thread's last one."""

    @property
    def retry_after(self) -> int:
        """Seconds for which the attempt was refused unseen because of earlier failures; else 0."""

    def forget_attempt(self) -> None:
        """Start a request with no attempt on record."""

    def lookup(self, password: str) -> bytes:
        """The keyed hash under which an app password is found."""
