# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers: multistatus documents joined from text, with one statement or two for their objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from radicale import pathutils
from radicale.app.base import Access

from scheduling import objects, sync
from scheduling.errors import InvalidSyncToken, TooManyChanges
from scheduling.expansion import expanded, limited
from scheduling.ical.partial import select
from scheduling.objects import StoredObject
from scheduling.rendered import FOREVER
from server.dav.fast import properties
from server.dav.fast.properties import NAMESPACES, Context, element
from server.dav.fast.recognise import DATA, ETAG, TYPE, Data, Multiget, Query, Report, Sync, propfind, report
from server.dav.xml import D, Response, error, without_controls

_HEAD = f"<?xml version='1.0' encoding='utf-8'?>\n<multistatus{NAMESPACES}>"
_TAIL = "</multistatus>"
_OK = "<status>HTTP/1.1 200 OK</status></propstat>"
_MISSING = "<status>HTTP/1.1 404 Not Found</status>"
_OBJECT_TYPE = "text/calendar;charset=utf-8;component=VEVENT"
_LISTED = frozenset({ETAG, TYPE, f"{D}getlastmodified", f"{D}resourcetype", f"{D}getcontentlength"})
_BEGINNING = -62_135_596_800
Answer = Response | None


class FastAnswers:
    """Answers from the storage plugin's collections. Every method returns None for what it leaves to Radicale, and has
    to be called with an authenticated user.
    """

    def __init__(self, storage: Any, rights: Any, *, max_resource_size: int, dav: str) -> None:
        self._storage = storage
        self._rights = rights
        self._max_resource_size = max_resource_size
        self._dav = dav

    def propfind(
        self, root: Any, depth: str, prefix: str, path: str, user: str, groups: set[str], *, minimal: bool
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
            if not found or (listing and getattr(found[0], "state", None) is None):
                return None
            parts = (
                self._listing(found[0], names, context)
                if listing
                else _collections(found, names, context, minimal)
            )
        return self._multistatus(parts, DAV=self._dav)

    def own_propfind(
        self, collection: Any, names: Sequence[str], depth: str, prefix: str, user: str, *, minimal: bool
    ) -> Answer:
        """As `propfind`, of the calendar `collection` that is at hand and belongs to `user`."""
        listing = depth == "1"
        if depth not in ("0", "1") or not _answerable(names, listing):
            return None
        context = Context(
            prefix=prefix, user=user, path=f"/{collection.path}/", max_resource_size=self._max_resource_size
        )
        if listing:
            return self._multistatus(self._listing(collection, names, context), DAV=self._dav)
        return self._multistatus(_collections([collection], names, context, minimal), DAV=self._dav)

    def report(
        self, root: Any, prefix: str, path: str, user: str, groups: set[str], *, minimal: bool
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
            collection = next(iter(self._storage.discover(path)), None)
            state = getattr(collection, "state", None)
            return None if state is None else self._report(state, asked, href, minimal)

    def own_report(self, collection: Any, root: Any, prefix: str, *, minimal: bool) -> Answer:
        """As `report`, on the calendar `collection` that is at hand and belongs to the one who asks."""
        href = quote(f"{prefix}/{collection.path}/")
        asked = report(root, href)
        return None if asked is None else self._report(collection.state, asked, href, minimal)

    def unchanged(self, collection: Any, root: Any, prefix: str) -> Answer:
        """The answer to a sync-collection whose token is the present one; None for any other report."""
        asked = report(root, quote(f"{prefix}/{collection.path}/"))
        current = str(sync.token_of(collection.state))
        if not isinstance(asked, Sync) or asked.token != current:
            return None
        return self._multistatus([f"<sync-token>{escape(current)}</sync-token>"])

    def _report(self, state: Any, asked: Report, href: str, minimal: bool) -> Response:  # noqa: FBT001
        with self._storage.reading() as connection:
            write = partial(_object, href=escape(href), asked=asked, minimal=minimal)
            if isinstance(asked, Sync):
                return self._sync(connection, state, asked, write, escape(href))
            if isinstance(asked, Multiget):
                found = objects.multi(connection, state.id, state.cutoff, asked.names)
            else:
                assert isinstance(asked, Query)
                found = ((it.name, it) for it in _overlapping(connection, state, asked))
            return self._multistatus(_missing_first(found, write, escape(href)))

    def get(self, path: str, user: str, groups: set[str]) -> Answer:
        """A calendar or an object by GET, as octets."""
        if len(pathutils.strip_path(path).split("/")) not in (2, 3) or not Access(
            self._rights, user, groups, path
        ).check("r"):
            return None
        with self._storage.acquire_lock("r", user):
            item = next(iter(self._storage.discover(path)), None)
            if item is None or (getattr(item, "href", None) is None and getattr(item, "state", None) is None):
                return None
            headers = {
                "Content-Type": "text/calendar; charset=utf-8",
                "Last-Modified": item.last_modified,
                "ETag": item.etag,
            }
            if getattr(item, "state", None) is None:
                return HTTPStatus.OK, headers, item.serialize().encode(), None
            status, headers, _, log = self.own_get(item)
            return status, headers, item.octets(), log

    @staticmethod
    def own_get(collection: Any) -> Response:
        """Status and headers of a whole calendar that is at hand; its body is `octets()`."""
        name = collection.get_meta("D:displayname") or "Calendar"
        file = name if name.lower().endswith(".ics") else f"{name}.ics"
        headers = {
            "Content-Type": "text/calendar; charset=utf-8",
            "Last-Modified": collection.last_modified,
            "ETag": collection.etag,
            "Content-Disposition": f"attachment; filename*=utf-8''{quote(file, encoding='utf-8')}",
        }
        return HTTPStatus.OK, headers, None, None

    def _listing(self, collection: Any, names: Sequence[str], context: Context) -> Iterable[str]:
        state = collection.state
        lengths: tuple[int, Mapping[str, int]] = (0, {})
        if f"{D}getcontentlength" in names:
            lengths = collection.lengths()
        own = "".join(
            element(name, str(lengths[0]))
            if name == f"{D}getcontentlength"
            else properties.calendar(name, collection, context) or ""
            for name in names
        )
        with self._storage.reading() as connection:
            rows = objects.etags(connection, state.id, state.cutoff)
        first = (
            f"<response>{context.href(f'/{collection.path}/')}<propstat><prop>{own}</prop>{_OK}</response>"
        )
        return [first, *_rows(rows, names, escape(quote(context.prefix + context.path)), lengths[1])]

    def _sync(
        self, connection: Any, state: Any, asked: Sync, write: Callable[[StoredObject], str | None], href: str
    ) -> Response:
        try:
            changed, token = _changes(connection, state, asked)
        except InvalidSyncToken:
            return self._error(HTTPStatus.FORBIDDEN, f"{D}valid-sync-token")
        except TooManyChanges:
            return self._error(HTTPStatus.INSUFFICIENT_STORAGE, f"{D}number-of-matches-within-limits")
        parts = [f"<sync-token>{escape(str(token))}</sync-token>"]
        parts += [_gone(href + name) for name, etag in changed if etag is None]
        kept = [(name, etag) for name, etag in changed if etag is not None]
        if asked.props == (ETAG,):
            before, after = f"<response><href>{href}", "</href><propstat><prop><getetag>"
            end = f"</getetag></prop>{_OK}</response>"
            parts += [f"{before}{name}{after}{etag}{end}" for name, etag in kept]
        else:
            found = objects.multi(connection, state.id, state.cutoff, (name for name, _ in kept))
            parts += filter(None, (write(it) for _, it in found if it is not None))
        if token != sync.token_of(state):
            parts.append(
                f"<response><href>{href}</href><status>HTTP/1.1 507 Insufficient Storage</status>"
                "<error><number-of-matches-within-limits /></error></response>"
            )
        return self._multistatus(parts)

    def _multistatus(self, parts: Iterable[str], **headers: str) -> Response:
        headers["Content-Type"] = "text/xml; charset=utf-8"
        document = "".join((_HEAD, *parts, _TAIL)).encode("utf-8", "replace")
        return HTTPStatus.MULTI_STATUS, headers, without_controls(document), None

    @staticmethod
    def _error(status: HTTPStatus, condition: str) -> Response:
        return error(status, condition)


def _answerable(names: Sequence[str], listing: bool) -> bool:  # noqa: FBT001
    if listing:
        return len(set(names)) == len(names) and _LISTED.issuperset(names)
    return properties.known(tuple(names))


def _collections(found: Iterable[Any], names: Sequence[str], context: Context, minimal: bool) -> list[str]:  # noqa: FBT001
    parts = []
    for collection in found:
        write = properties.home if collection.is_principal else properties.calendar
        shown = [(name, write(name, collection, context)) for name in names]
        parts.append(
            f"<response>{context.href(f'/{collection.path}/')}{_propstats(shown, minimal)}</response>"
        )
    return parts


def _changes(connection: Any, state: Any, asked: Sync) -> tuple[Sequence[tuple[str, str | None]], sync.Token]:
    if asked.token or asked.limit is not None:
        return sync.since(connection, state, asked.token, asked.limit)
    rows = objects.etags(connection, state.id, state.cutoff)
    return [(name, etag) for name, etag, _ in rows], sync.token_of(state)


def _overlapping(connection: Any, state: Any, asked: Query) -> Iterator[StoredObject]:
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


def _missing_first(
    found: Iterable[tuple[str, StoredObject | None]], write: Callable[[StoredObject], str | None], href: str
) -> list[str]:
    """As Radicale orders them: what is not there, then what is."""
    missing, written = [], []
    for name, stored in found:
        if stored is None:
            missing.append(_gone(href + name))
        elif text := write(stored):
            written.append(text)
    return missing + written


def _object(stored: StoredObject, *, href: str, asked: Report, minimal: bool) -> str | None:
    """One object's response; None where its expansion leaves nothing or nothing was asked for."""
    shown: list[tuple[str, str | None]] = []
    for name in asked.props:
        if name == ETAG:
            shown.append((name, f"<getetag>{stored.etag}</getetag>"))
        elif name == TYPE:
            shown.append((name, f"<getcontenttype>{_OBJECT_TYPE}</getcontenttype>"))
        elif name == DATA:
            shown.append((name, f"<C:calendar-data>{escape(_text(stored, asked.data))}</C:calendar-data>"))
        else:
            shown.append((name, None))
    if not shown:
        return None
    if asked.data.expand and stored.series and not expanded(stored, *asked.data.expand):
        return None
    return f"<response><href>{href}{stored.name}</href>{_propstats(shown, minimal)}</response>"


def _text(stored: StoredObject, data: Data) -> str:
    if data.expand is not None:
        text = expanded(stored, *data.expand)
    elif data.recurrence is not None:
        text = limited(stored, *data.recurrence)
    else:
        text = stored.calendar
    return text if data.part is None else select(text, data.part)


def _propstats(shown: Sequence[tuple[str, str | None]], minimal: bool) -> str:  # noqa: FBT001
    """RFC 8144, section 2.1: `minimal` leaves out what is missing."""
    found = "".join(it for _, it in shown if it is not None)
    missing = "" if minimal else "".join(element(name) for name, it in shown if it is None)
    text = f"<propstat><prop>{found}</prop>{_OK}" if found or (minimal and not missing) else ""
    return f"{text}<propstat><prop>{missing}</prop>{_MISSING}</propstat>" if missing else text


def _rows(
    rows: Iterable[tuple[str, str, int]], names: Sequence[str], href: str, lengths: Mapping[str, int]
) -> list[str]:
    if tuple(names) == (ETAG,):
        return [
            f"<response><href>{href}{name}</href><propstat><prop><getetag>{etag}</getetag></prop>{_OK}</response>"
            for name, etag, _ in rows
        ]
    written = []
    for name, etag, changed_at in rows:
        values = {
            ETAG: etag,
            TYPE: _OBJECT_TYPE,
            f"{D}resourcetype": "",
            f"{D}getcontentlength": str(lengths.get(name, 0)),
            f"{D}getlastmodified": formatdate(changed_at, usegmt=True)
            if f"{D}getlastmodified" in names
            else "",
        }
        props = "".join(element(it, values[it]) for it in names)
        written.append(f"<response><href>{href}{name}</href><propstat><prop>{props}</prop>{_OK}</response>")
    return written


def _gone(href: str) -> str:
    return f"<response><href>{href}</href>{_MISSING}</response>"
