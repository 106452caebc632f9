# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers: multistatus documents joined from text. One or two SQL statements read the objects."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from itertools import chain
from urllib.parse import quote
from xml.sax.saxutils import escape

from radicale import pathutils
from radicale.app.base import Access
from radicale.rights import BaseRights

from scheduling.calendars import listings, objects, sync
from scheduling.calendars.calendars import CalendarState
from scheduling.calendars.objects import StoredObject
from scheduling.database.chunks import chunks
from scheduling.database.connection import Connection
from scheduling.errors import InvalidSyncToken, TooManyChanges
from scheduling.ical.spans import FOREVER
from scheduling.ports import AnyCollection, Calendar, CalendarStorage, Object
from server.dav.fast import properties
from server.dav.fast.bodies import gathered
from server.dav.fast.properties import LENGTH, MODIFIED, NAMESPACES, Context, element
from server.dav.fast.recognise import ETAG, Data, Multiget, Query, Report, Sync, propfind, report
from server.dav.fast.sending import Answered
from server.dav.fast.writing import OK, ObjectWriter, gone, propstats
from server.dav.xml import D, Response, error, octets

_HEAD = f"<?xml version='1.0' encoding='utf-8'?>\n<multistatus{NAMESPACES}>".encode()
_TAIL = b"</multistatus>"
_BEGINNING = -62_135_596_800
_TOGETHER = 500
"""The number of responses that are joined before they are encoded."""
Answer = Answered | None


class FastAnswers:
    """Answers from the storage plugin's collections. Every method returns None for a request that it leaves to
    Radicale. The user must be authenticated.
    """

    def __init__(
        self, storage: CalendarStorage, rights: BaseRights, *, max_resource_size: int, dav: str
    ) -> None:
        self._storage = storage
        self._rights = rights
        self._max_resource_size = max_resource_size
        self._dav = dav

    def propfind(
        self,
        root: ET.Element | None,
        depth: str,
        prefix: str,
        path: str,
        user: str,
        groups: set[str],
        *,
        minimal: bool,
    ) -> Answer:
        """PROPFIND of a calendar (depth 0 or 1) or of a calendar home with its calendars (depth 0 or 1)."""
        names = propfind(root)
        segments = pathutils.strip_path(path).split("/")
        if (
            not names
            or not path.endswith("/")
            or depth not in ("0", "1")
            or len(segments) > 2
            or not segments[0]
        ):
            return None
        listing = depth == "1" and len(segments) == 2
        if not _answerable(names, listing):
            return None
        if not Access(self._rights, user, groups, path).check("r"):
            return None
        context = Context(prefix=prefix, user=user, path=path, max_resource_size=self._max_resource_size)
        with self._storage.acquire_lock("r", user):
            found = list(self._storage.discover(path, "0" if listing else depth))
            if not found:
                return None
            if listing:
                calendar = found[0]
                if calendar.resource != "calendar":
                    return None
                return self._answered(self._listing(calendar, names, context, minimal=minimal), DAV=self._dav)
            collections = [it for it in found if it.resource != "object"]
            parts = _collections(collections, names, context, minimal=minimal)
        return self._multistatus(parts, DAV=self._dav)

    def own_propfind(
        self,
        collection: Calendar,
        names: tuple[str, ...],
        depth: str,
        prefix: str,
        user: str,
        *,
        minimal: bool,
    ) -> Answer:
        """As `propfind`, for the calendar `collection`, which is loaded and belongs to `user`."""
        listing = depth == "1"
        if depth not in ("0", "1") or not _answerable(names, listing):
            return None
        context = Context(
            prefix=prefix, user=user, path=f"/{collection.path}/", max_resource_size=self._max_resource_size
        )
        if listing:
            return self._answered(self._listing(collection, names, context, minimal=minimal), DAV=self._dav)
        return self._multistatus(_collections([collection], names, context, minimal=minimal), DAV=self._dav)

    def own_home(
        self, found: Sequence[AnyCollection], names: tuple[str, ...], prefix: str, user: str, *, minimal: bool
    ) -> Answer:
        """As `propfind`, for the home of `user` and the requested members, which are loaded."""
        if not _answerable(names, False):  # noqa: FBT003
            return None
        path = f"/{found[0].path}/"
        context = Context(prefix=prefix, user=user, path=path, max_resource_size=self._max_resource_size)
        return self._multistatus(_collections(found, names, context, minimal=minimal), DAV=self._dav)

    def report(
        self, root: ET.Element, prefix: str, path: str, user: str, groups: set[str], *, minimal: bool
    ) -> Answer:
        """calendar-multiget, calendar-query and sync-collection of a calendar."""
        segments = pathutils.strip_path(path).split("/")
        if len(segments) != 2 or not path.endswith("/"):
            return None
        href = quote(prefix + path)
        asked = report(root, href)
        if asked is None or not Access(self._rights, user, groups, path).check("r"):
            return None
        with self._storage.acquire_lock("r", user):
            found = next(self._storage.discover(path), None)
            if found is None or found.resource != "calendar":
                return None
            return self._report(found.state, asked, href, minimal)

    def own_report(self, collection: Calendar, root: ET.Element, prefix: str, *, minimal: bool) -> Answer:
        """As `report`, for the calendar `collection`, which is loaded and belongs to the requesting user."""
        href = quote(f"{prefix}/{collection.path}/")
        asked = report(root, href)
        return None if asked is None else self._report(collection.state, asked, href, minimal)

    def unchanged(self, collection: Calendar, asked: Sync) -> Answer:
        """The answer to a synchronisation with the current token. None for any other token."""
        current = str(sync.token_of(collection.state))
        return self._multistatus([f"<sync-token>{current}</sync-token>"]) if asked.token == current else None

    def _report(self, state: CalendarState, asked: Report, href: str, minimal: bool) -> Answered:  # noqa: FBT001
        # Named and changed objects are in the answer even without instances (RFC 4791, section 7.9).
        every = not isinstance(asked, Query)
        writer = ObjectWriter(escape(href), asked.props, asked.data, minimal=minimal, every=every)
        if isinstance(asked, Multiget):
            found = objects.multi(self._storage.source, state.id, state.cutoff, asked.names)
            return self._multistatus(_missing_first(found, writer, escape(href), asked.props))
        with self._storage.reading() as connection:
            if isinstance(asked, Sync):
                return self._sync(connection, state, asked, writer, escape(href))
            assert isinstance(asked, Query)
            return self._multistatus(_written(_overlapping(connection, state, asked), writer, asked.props))

    def get(self, path: str, user: str, groups: set[str]) -> Answer:
        """A calendar or an object by GET, as octets."""
        if len(pathutils.strip_path(path).split("/")) not in (2, 3) or not Access(
            self._rights, user, groups, path
        ).check("r"):
            return None
        with self._storage.acquire_lock("r", user):
            item = next(self._storage.discover(path), None)
            if item is not None and item.resource == "object":
                return self.own_object(item)
            if item is not None and item.resource == "calendar":
                status, headers, _, log = self.own_get(item)
                return status, headers, gathered(item.pieces()), log
            return None

    @staticmethod
    def own_object(item: Object) -> Answered:
        """A loaded object."""
        headers = {
            "Content-Type": "text/calendar; charset=utf-8",
            "Last-Modified": item.last_modified,
            "ETag": item.etag,
        }
        return HTTPStatus.OK, headers, item.serialize().encode(), None

    @staticmethod
    def own_free_busy(collection: Calendar, start: int, end: int) -> Answered:
        """The VFREEBUSY of a loaded calendar, for [start, end) epoch seconds (RFC 4791, section 7.10)."""
        text = collection.free_busy(start, end, int(time.time()))
        return HTTPStatus.OK, {"Content-Type": "text/calendar; charset=utf-8"}, text.encode(), None

    @staticmethod
    def own_get(collection: Calendar) -> Response:
        """Status and headers of a whole loaded calendar. Its body is `octets()`."""
        name = collection.get_meta("D:displayname") or "Calendar"
        file = name if name.lower().endswith(".ics") else f"{name}.ics"
        headers = {
            "Content-Type": "text/calendar; charset=utf-8",
            "Last-Modified": collection.last_modified,
            "ETag": collection.etag,
            "Content-Disposition": f"attachment; filename*=utf-8''{quote(file, encoding='utf-8')}",
        }
        return HTTPStatus.OK, headers, None, None

    def _listing(
        self, collection: Calendar, names: Sequence[str], context: Context, *, minimal: bool
    ) -> Iterator[bytes]:
        state = collection.state
        lengths: tuple[int, Mapping[str, int]] = collection.lengths() if LENGTH in names else (0, {})
        own = [
            (
                name,
                element(name, str(lengths[0]))
                if name == LENGTH
                else properties.calendar(name, collection, context),
            )
            for name in names
        ]
        path = context.href(f"/{collection.path}/")
        yield octets(f"<response>{path}{propstats(own, minimal)}</response>")
        href = escape(quote(context.prefix + context.path))
        static = properties.of_objects(collection, context)
        with self._storage.reading() as connection:
            if MODIFIED not in names and LENGTH not in names:
                writer = ObjectWriter(href, names, Data(), minimal=minimal, static=static)
                yield from listings.listing(connection, state.id, state.cutoff, *writer.listing)
            else:
                rows = objects.etags(connection, state.id, state.cutoff)
                yield from _octets(_rows(rows, names, href, lengths[1], static, minimal=minimal))

    def _sync(
        self, connection: Connection, state: CalendarState, asked: Sync, writer: ObjectWriter, href: str
    ) -> Answered:
        token = sync.token_of(state)
        if asked.token or asked.limit is not None:
            try:
                changed, token = sync.since(connection, state, asked.token, asked.limit)
            except InvalidSyncToken:
                return self._error(HTTPStatus.FORBIDDEN, f"{D}valid-sync-token")
            except TooManyChanges:
                return self._error(HTTPStatus.INSUFFICIENT_STORAGE, f"{D}number-of-matches-within-limits")
            members = _octets(_changed(connection, state, changed, writer, href, asked.props))
        elif not asked.props:
            members = iter(())
        elif writer.reads_objects:
            every = objects.all_objects(connection, state.id, state.cutoff)
            members = _octets(_written(every, writer, asked.props))
        else:
            members = listings.listing(connection, state.id, state.cutoff, *writer.listing)
        parts = [f"<sync-token>{escape(str(token))}</sync-token>"]
        if token != sync.token_of(state):
            parts.append(
                f"<response><href>{href}</href><status>HTTP/1.1 507 Insufficient Storage</status>"
                "<error><number-of-matches-within-limits /></error></response>"
            )
        return self._answered(chain(_octets(parts), members))

    def _multistatus(self, parts: Iterable[str], **headers: str) -> Answered:
        return self._answered(_octets(parts), **headers)

    @staticmethod
    def _answered(pieces: Iterable[bytes], **headers: str) -> Answered:
        headers["Content-Type"] = "text/xml; charset=utf-8"
        return HTTPStatus.MULTI_STATUS, headers, gathered(chain((_HEAD,), pieces, (_TAIL,))), None

    @staticmethod
    def _error(status: HTTPStatus, condition: str) -> Response:
        return error(status, condition)


def _octets(parts: Iterable[str]) -> Iterator[bytes]:
    """UTF-8 without characters that XML forbids, encoded many parts at a time."""
    for some in chunks(parts, _TOGETHER):
        yield octets("".join(some))


@lru_cache(maxsize=512)
def _answerable(names: tuple[str, ...], listing: bool) -> bool:  # noqa: FBT001
    return properties.known_in_listing(names) if listing else properties.known(names)


def _collections(
    found: Iterable[AnyCollection], names: Sequence[str], context: Context, *, minimal: bool
) -> list[str]:
    parts = []
    for collection in found:
        shown = [(name, _property(name, collection, context)) for name in names]
        parts.append(
            f"<response>{context.href(f'/{collection.path}/')}{propstats(shown, minimal)}</response>"
        )
    return parts


def _property(name: str, collection: AnyCollection, context: Context) -> str | None:
    if collection.resource == "calendar":
        return properties.calendar(name, collection, context)
    if collection.resource == "home":
        return properties.home(name, collection, context)
    if collection.resource == "mailbox":
        return properties.mailbox(name, collection, context)
    return None


def _overlapping(connection: Connection, state: CalendarState, asked: Query) -> Iterator[StoredObject]:
    low, high = asked.span or (None, None)
    if asked.data.expand is not None:  # an open end is that of the expansion, as in reports.expansion()
        start, end = asked.data.expand
        low, high = start if low is None else low, end if high is None else high
    if low is None and high is None:
        return objects.all_objects(connection, state.id, state.cutoff)
    return objects.overlapping(
        connection,
        state.id,
        state.cutoff,
        _BEGINNING if low is None else low,
        FOREVER if high is None else high,
        state.expanded,
    )


def _written(found: Iterable[StoredObject], writer: ObjectWriter, props: Sequence[str]) -> Iterator[str]:
    """Empty if no property is requested, as in Radicale."""
    return filter(None, map(writer.write, found)) if props else iter(())


def _missing_first(
    found: Iterable[tuple[str, StoredObject | None]], writer: ObjectWriter, href: str, props: Sequence[str]
) -> list[str]:
    """In Radicale's order: missing objects first, then existing ones."""
    there: list[StoredObject] = []
    missing = []
    for name, stored in found:
        if stored is None:
            missing.append(gone(href + name))
        else:
            there.append(stored)
    return missing + list(_written(there, writer, props))


def _changed(
    connection: Connection,
    state: CalendarState,
    changed: Iterable[tuple[str, str | None]],
    writer: ObjectWriter,
    href: str,
    props: Sequence[str],
) -> Iterator[str]:
    """The members of a synchronisation's answer. If their data is requested, existing objects are read in batches."""
    for some in chunks(changed, _TOGETHER):
        yield from (gone(href + name) for name, etag in some if etag is None)
        kept = [(name, etag) for name, etag in some if etag is not None]
        if not writer.reads_objects:
            yield from (writer.named(name, etag) for name, etag in kept if props)
            continue
        found = objects.multi(connection, state.id, state.cutoff, (name for name, _ in kept))
        yield from _written((it for _, it in found if it is not None), writer, props)


def _rows(
    rows: Iterable[tuple[str, str, int]],
    names: Sequence[str],
    href: str,
    lengths: Mapping[str, int],
    static: Mapping[str, str],
    *,
    minimal: bool,
) -> Iterator[str]:
    own = [name for name in names if name in (ETAG, LENGTH, MODIFIED)]
    same = [(name, static.get(name)) for name in names if name not in own]
    there = "".join(it for _, it in same if it is not None)
    missing = "" if minimal else propstats([it for it in same if it[1] is None], minimal)
    for name, etag, changed_at in rows:
        values = {ETAG: etag, LENGTH: str(lengths.get(name, 0))}
        if MODIFIED in own:
            values[MODIFIED] = formatdate(changed_at, usegmt=True)
        props = there + "".join([element(it, values[it]) for it in own])
        yield f"<response><href>{href}{name}</href><propstat><prop>{props}</prop>{OK}{missing}</response>"
