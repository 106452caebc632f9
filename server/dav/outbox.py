# SPDX-License-Identifier: GPL-3.0-or-later
"""POST to a scheduling outbox asks when calendar users are busy (RFC 6638, section 5). The answer has one part for each
recipient, with the same periods as free-busy-query and free-busy links.

Anybody with an account can send such a text. Its size, attendees and range are therefore bounded, and requests are
counted.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from http import HTTPStatus

from radicale.types import WSGIEnviron

from scheduling.access import request_rates, users
from scheduling.availability import calendar_users, inquiry
from scheduling.availability.question import MOST_PEOPLE
from scheduling.composition import FOLLOWERS
from scheduling.errors import Invalid, NotFound
from scheduling.ical import free_busy_request
from scheduling.ical.errors import IsInvitation, NotAFreeBusyRequest, NotICalendar
from scheduling.sentences import counted
from scheduling.snapshot import PATIENCE, Snapshot
from server.dav.mailboxes import LARGEST
from server.dav.xml import C, D, Response, error, plain, to_bytes, without_controls
from server.settings import Settings


class Outbox:
    """Answers for every user's outbox; `root` is where the DAV tree starts, without a slash at the end."""

    def __init__(self, settings: Settings, root: str) -> None:
        self._database = settings.database()
        self._keyring = settings.keyring()
        self._config = settings.config
        self._limit = settings.server.api_requests_per_minute
        self._root = root
        self._principals = (f"{root}/", settings.url(f"{root}/"))

    def post(self, environ: WSGIEnviron, body: bytes, username: str) -> Response:
        """The answer to `username`, who owns the outbox and is authenticated."""
        wait = self._too_often(username)
        if wait:
            sentence = f"Too many requests; try again in {counted(wait, 'second')}."
            return plain(HTTPStatus.TOO_MANY_REQUESTS, sentence, Retry_After=str(wait))
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "text/calendar":
            return error(HTTPStatus.FORBIDDEN, f"{C}supported-calendar-data")
        if len(body) > LARGEST:
            return error(HTTPStatus.FORBIDDEN, f"{C}max-resource-size")
        try:
            asked = free_busy_request.read(body)
        except IsInvitation:
            return error(HTTPStatus.FORBIDDEN, f"{D}need-privileges")
        except NotICalendar:
            return error(HTTPStatus.FORBIDDEN, f"{C}valid-calendar-data")
        except NotAFreeBusyRequest:
            return error(HTTPStatus.BAD_REQUEST, f"{C}valid-scheduling-message")
        principals = (*self._principals, f"{_origin(environ)}{self._root}/")
        with Snapshot(self._database, self._config, patience=PATIENCE, followers=FOLLOWERS) as snapshot:
            try:
                asker = users.get(snapshot.connection, username)
            except NotFound:
                return error(HTTPStatus.FORBIDDEN, f"{D}need-privileges")
            if not snapshot.view.calendars.enabled:
                return plain(HTTPStatus.NOT_FOUND, "There is nothing here.")
            if not calendar_users.is_address_of(asker, asked.organizer, principals):
                return error(HTTPStatus.FORBIDDEN, f"{C}valid-organizer")
            if len(asked.attendees) > MOST_PEOPLE:
                return error(HTTPStatus.FORBIDDEN, f"{C}max-attendees-per-instance")
            try:
                replies = inquiry.replies(snapshot, asker, asked, principals)
            except Invalid:  # bounds that the message itself does not show, as for free-busy-query
                return error(HTTPStatus.FORBIDDEN, f"{D}number-of-matches-within-limits")
        return HTTPStatus.OK, {"Content-Type": "application/xml; charset=utf-8"}, _document(replies), None

    def _too_often(self, username: str) -> int:
        if not self._limit:
            return 0
        with self._database.write() as connection:
            who = f"outbox\x00{username}"
            return request_rates.count(connection, self._keyring, who, self._limit, int(time.time()))


def _document(replies: Sequence[inquiry.Reply]) -> bytes:
    """CALDAV:schedule-response (section 10)."""
    root = ET.Element(f"{C}schedule-response")
    for reply in replies:
        response = ET.SubElement(root, f"{C}response")
        ET.SubElement(ET.SubElement(response, f"{C}recipient"), f"{D}href").text = reply.recipient
        ET.SubElement(response, f"{C}request-status").text = reply.status
        if reply.calendar is not None:
            ET.SubElement(response, f"{C}calendar-data").text = reply.calendar
    return without_controls(to_bytes(root))


def _origin(environ: WSGIEnviron) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
