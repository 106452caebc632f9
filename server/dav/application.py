# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's WSGI application for read-only calendars.

Verbs that would write are refused with DAV:need-privileges (DAVx5 ignores exactly that), discovery tells the truth,
GET is conditional, and a database that is away answers 503 instead of anything a client could take for "no events".
"""

from __future__ import annotations

import logging
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from radicale import httputils, pathutils, types
from radicale.app import Application as RadicaleApplication
from radicale.app.base import Access
from radicale.config import Configuration

from scheduling.calendars.calendars import OUTBOX
from scheduling.database.types import READ_ALL_GROUP
from scheduling.errors import DatabaseUnavailable
from server import conditional
from server.away import AWAY
from server.dav import inbox, mailboxes, multistatus, reports
from server.dav.fast import FastAnswers, Polls
from server.dav.fast.polls import Note
from server.dav.fast.sending import Answered, finish
from server.dav.outbox import Outbox
from server.dav.resources import Resources
from server.dav.xml import BadBody, D, Response, error, one_question, parse, plain, without_controls

logger = logging.getLogger(__name__)

DAV = "1, 3, access-control, calendar-access, calendar-auto-schedule, calendar-proxy"
ALLOW = "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT"
ROOT_ALIAS = "daysheet.root_alias"
"""WSGI environment key: the request came to "/" and is answered in place."""
_RETRY = "5"


class Application(RadicaleApplication):
    """One per process; keeps nothing between requests but what the plugins do."""

    def __init__(
        self, configuration: Configuration, *, outbox: Outbox | None = None, fast_answers: bool = True
    ) -> None:
        super().__init__(configuration)
        self._outbox = outbox
        self._storage.mailboxes = outbox is not None  # type: ignore[attr-defined]
        self._resources = Resources(self._storage, self._rights, dav=DAV)
        self._now = threading.local()
        self._fast = FastAnswers(
            self._storage, self._rights, max_resource_size=self._max_resource_size, dav=DAV
        )
        self._answers_fast = fast_answers and hasattr(self._storage, "reading")

    def polls(self, *, max_body: int, note: Note) -> Polls | None:
        """What answers polls before a request comes here; None where answers are not fast or the plugins not ours."""
        if not (self._answers_fast and hasattr(self._auth, "lookup")):
            return None
        return Polls(
            self._fast,
            self._storage,
            self._auth,
            extra_headers=self._extra_headers,
            max_body=max_body,
            note=note,
            away=self._away,
        )

    def _handle_request(
        self, environ: types.WSGIEnviron
    ) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        """Radicale's, after which a thread holds nothing of the request and its answer."""
        try:
            return self._handled(environ)
        finally:
            self._now.__dict__.clear()

    def _handled(self, environ: types.WSGIEnviron) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        self._now.environ = environ
        self._now.minimal = "return=minimal" in environ.get("HTTP_PREFER", "").replace(" ", "").lower()
        forget = getattr(self._auth, "forget_attempt", None)
        if forget is not None:
            forget()
        try:
            status, headers, body = super()._handle_request(environ)
        except DatabaseUnavailable as away:
            return self._away(away)
        wait = getattr(self._auth, "retry_after", 0)
        if status.startswith("401") and wait:
            text = f"Too many wrong passwords; try again in {wait} seconds.\n".encode()
            return "429 Too Many Requests", [("Retry-After", str(wait)), *_plain(text)], [text]
        quick: Answered | None = getattr(self._now, "quick", None)
        if quick is not None:
            return finish(environ, quick, list(self._extra_headers.items()), minimal=self._now.minimal)
        headers = [(name, DAV if name == "DAV" else value) for name, value in headers]
        if status.startswith("405") and "Allow" not in dict(headers):
            headers.append(("Allow", ALLOW))
        if status.startswith("207") and self._now.minimal:
            headers.append(("Preference-Applied", "return=minimal"))
        return status, headers, body

    def _quickly(self, answer: Answered) -> Response:
        """Take a fast answer past Radicale, whose answers are kept in memory and compressed thoroughly."""
        self._now.quick = answer
        return answer[0], {}, None, None

    def _away(self, away: DatabaseUnavailable) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        text = f"{AWAY}\n".encode()
        self._log_away(away)
        return "503 Service Unavailable", [("Retry-After", _RETRY), *_plain(text)], [text]

    @staticmethod
    def _log_away(away: DatabaseUnavailable) -> None:
        logger.error("answered 503: %s", away)

    def _guarded(self, answer: Callable[[], Any]) -> Any:
        """Radicale turns every exception of a verb into 500; a database that is away is 503 (RFC 9110, 15.6.4)."""
        try:
            return answer()
        except DatabaseUnavailable as away:
            self._log_away(away)
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, AWAY, Retry_After=_RETRY)

    def _read_xml_request_body(
        self, environ: types.WSGIEnviron, request_info: dict[str, Any]
    ) -> ET.Element | None:
        if not hasattr(self._now, "xml"):
            content = httputils.read_raw_request_body(self.configuration, environ)
            try:
                self._now.xml, self._now.bad_xml = parse(content) if content.strip() else None, None
            except BadBody as bad:
                self._now.xml, self._now.bad_xml = None, str(bad)
        if self._now.bad_xml is not None:
            raise RuntimeError(self._now.bad_xml)
        root: ET.Element | None = self._now.xml
        return root

    def _xml_response(self, xml_content: ET.Element, request_info: dict[str, Any]) -> bytes:
        viewer: multistatus.Viewer | None = getattr(self._now, "viewer", None)
        if viewer is not None and xml_content.tag == f"{D}multistatus":
            names = multistatus.requested(getattr(self._now, "xml", None))
            if names or viewer.root_alias:
                multistatus.correct(xml_content, names, viewer)
        multistatus.add_missing(xml_content, getattr(self._now, "strangers", ()))
        if self._now.minimal:
            multistatus.minimise(xml_content)
        self._now.responses = (
            len(xml_content.findall(f"{D}response")) if getattr(self._now, "limit", None) else 0
        )
        return without_controls(super()._xml_response(xml_content, request_info))

    def do_OPTIONS(self, environ: types.WSGIEnviron, base_prefix: str, path: str, *_rest: Any) -> Response:
        """What is really there."""
        mailbox = mailboxes.of_path(path)
        allow = mailboxes.ALLOW if mailbox and mailbox[1] == OUTBOX else ALLOW
        return HTTPStatus.OK, {"Allow": allow, "DAV": DAV}, None, None

    def do_GET(
        self,
        environ: types.WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        """A calendar or an object, 304 where the client has it already (RFC 9110, section 13)."""
        if not pathutils.strip_path(path):
            return (
                HTTPStatus.FOUND,
                {"Location": "/", "Content-Type": "text/plain"},
                "The calendars are below here.\n",
                None,
            )
        environ = {**environ, "QUERY_STRING": ""}

        def answer() -> Any:
            if conditional.is_conditional(environ):
                unchanged = self._resources.unchanged(environ, path, user, user_groups)
                if unchanged is not None:
                    return unchanged
            if self._answers_fast and user and (quick := self._fast.get(path, user, user_groups)) is not None:
                return self._quickly(quick)
            return RadicaleApplication.do_GET(
                self, environ, base_prefix, path, user, user_groups, request_info
            )

        return self._guarded(answer)

    def do_PROPFIND(
        self,
        environ: types.WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        """Radicale's answer with the corrections of server/dav/multistatus.py."""
        try:
            one_question(self._read_xml_request_body(environ, request_info))
        except RuntimeError as bad_body:
            return plain(HTTPStatus.BAD_REQUEST, str(bad_body))
        if self._answers_fast and user and not environ.get(ROOT_ALIAS):
            quick = self._guarded(
                lambda: self._fast.propfind(
                    self._now.xml,
                    environ.get("HTTP_DEPTH", "0"),
                    base_prefix,
                    path,
                    user,
                    user_groups,
                    minimal=self._now.minimal,
                )
            )
            if quick is not None:
                return self._quickly(quick)
        readable = getattr(self._storage, "readable_principals", None)
        find = getattr(self._storage, "find_principal", None)

        def email(username: str) -> str | None:
            principal = find(unquote(username)) if find else None
            return None if principal is None else principal.email

        def others() -> list[str]:
            return readable(user) if readable and READ_ALL_GROUP in user_groups else []

        self._now.viewer = multistatus.Viewer(
            prefix=base_prefix,
            user=user,
            email=email,
            readable=others,
            root_alias=bool(environ.get(ROOT_ALIAS)),
        )
        return self._guarded(
            lambda: RadicaleApplication.do_PROPFIND(
                self, environ, base_prefix, path, user, user_groups, request_info
            )
        )

    def do_REPORT(
        self,
        environ: types.WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        """The supported reports (RFC 4791, section 7; RFC 6578), everything else refused by name."""
        if not user:
            return httputils.NOT_ALLOWED
        try:
            root = self._read_xml_request_body(environ, request_info)
            if root is None:
                return plain(HTTPStatus.BAD_REQUEST, "A REPORT needs a request body.")
            reports.check(root)
            if root.tag == reports.FREE_BUSY:
                start, end = reports.free_busy_span(root)
                return self._guarded(lambda: self._resources.free_busy(path, user, user_groups, start, end))
            mailbox = mailboxes.of_path(path)
            if mailbox is not None and root.tag in reports.SUPPORTED:
                return inbox.report(root, mailbox, user)
            if self._answers_fast:
                quick = self._guarded(
                    lambda: self._fast.report(
                        root, base_prefix, path, user, user_groups, minimal=self._now.minimal
                    )
                )
                if quick is not None:
                    return self._quickly(quick)
            expansion, self._now.limit = reports.expansion(root), reports.result_limit(root)
            self._now.strangers = reports.strangers(root, base_prefix)
        except reports.BadReport as bad:
            return bad.response
        except RuntimeError as bad_body:
            return plain(HTTPStatus.BAD_REQUEST, str(bad_body))
        expanding = getattr(self._storage, "expanding", None)
        with expanding(**asdict(expansion)) if expansion and expanding else nullcontext():
            return self._guarded(
                lambda: self._report(environ, base_prefix, path, user, user_groups, request_info)
            )

    def _report(
        self,
        environ: types.WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        try:
            answer = RadicaleApplication.do_REPORT(
                self, environ, base_prefix, path, user, user_groups, request_info
            )
        except RuntimeError as bad:  # what Radicale makes of a filter it cannot apply
            return plain(HTTPStatus.BAD_REQUEST, str(bad).split(":")[0] + ".")
        limit = getattr(self._now, "limit", None)
        if limit and getattr(self._now, "responses", 0) > limit:
            return error(HTTPStatus.INSUFFICIENT_STORAGE, f"{D}number-of-matches-within-limits")
        return answer

    def do_PROPPATCH(
        self,
        environ: types.WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        """Keep the viewer's own properties, refuse the others inside a 207."""
        access = Access(self._rights, user, user_groups, path)
        if not access.check("r"):
            return httputils.NOT_ALLOWED if not user else _need_privileges()
        try:
            root = self._read_xml_request_body(environ, request_info)
        except RuntimeError as bad_body:
            return plain(HTTPStatus.BAD_REQUEST, str(bad_body))
        if root is None or root.tag != f"{D}propertyupdate":
            return plain(HTTPStatus.BAD_REQUEST, "A PROPPATCH needs a DAV:propertyupdate as its body.")
        return self._guarded(lambda: self._resources.set_properties(root, base_prefix, path, user))

    def _refused(
        self, environ: types.WSGIEnviron, base_prefix: str, path: str, user: str, *_rest: Any
    ) -> Any:
        """Nothing here is written by clients; 401 for those who have not said who they are."""
        return _need_privileges() if user else httputils.NOT_ALLOWED

    do_PUT = do_DELETE = do_MOVE = do_COPY = do_MKCALENDAR = do_MKCOL = _refused  # type: ignore[assignment]  # noqa: N815

    def do_POST(self, environ: types.WSGIEnviron, base_prefix: str, path: str, user: str, *_rest: Any) -> Any:
        """Requests for busy time at one's own outbox; there is nothing else to post to."""
        mailbox, outbox = mailboxes.of_path(path), self._outbox
        if outbox is not None and mailbox is not None and mailbox[1] == OUTBOX:
            if mailbox[0] != user:
                return _need_privileges() if user else httputils.NOT_ALLOWED
            body = httputils.read_raw_request_body(self.configuration, environ)
            return self._guarded(lambda: outbox.post(environ, body, user))
        return plain(HTTPStatus.METHOD_NOT_ALLOWED, "This resource does not take POST.", Allow=ALLOW)


def _need_privileges() -> Response:
    return error(HTTPStatus.FORBIDDEN, f"{D}need-privileges")


def _plain(text: bytes) -> list[tuple[str, str]]:
    return [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
