# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's WSGI application for read-only calendars.

Verbs that would write are refused with DAV:need-privileges: DAVx5 silently skips this refusal and no other. Discovery
answers truthfully. GET is conditional. If the database is unreachable the answer is 503, never an answer that a client
could take for "no events".
"""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from http import HTTPStatus
from typing import TypeVar

from radicale import httputils, pathutils, types
from radicale.app import Application as RadicaleApplication
from radicale.app.base import Access
from radicale.config import Configuration

from scheduling.calendars.calendars import OUTBOX
from scheduling.errors import DatabaseUnavailable
from scheduling.ports import CalendarStorage, SignIn
from scheduling.sentences import counted
from server import conditional
from server.away import AWAY
from server.dav import expand, inbox, mailboxes, multistatus, reports
from server.dav.asked import Asked, Now
from server.dav.fast import FastAnswers, Polls
from server.dav.fast.polls import Note
from server.dav.fast.properties import without_strangers
from server.dav.fast.sending import Answered, finish
from server.dav.outbox import Outbox
from server.dav.request import Given, Request
from server.dav.resources import Resources
from server.dav.xml import (
    BadBody,
    D,
    Response,
    count_properties,
    error,
    in_ascii,
    one_question,
    parse,
    plain,
    without_controls,
)

logger = logging.getLogger(__name__)

DAV = "1, 3, access-control, calendar-access, calendar-auto-schedule, calendar-proxy"
ALLOW = "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT"
ROOT_ALIAS = "daysheet.root_alias"
"""WSGI environment key: the request came to "/" and is answered in place."""
_T = TypeVar("_T")


class Application(RadicaleApplication):
    """One per process. Only the plugins keep data between requests. The plugins have to be Daysheet's."""

    def __init__(
        self, configuration: Configuration, *, outbox: Outbox | None = None, fast_answers: bool = True
    ) -> None:
        super().__init__(configuration)
        storage: object = self._storage
        sign_in: object = self._auth
        assert isinstance(storage, CalendarStorage)
        assert isinstance(sign_in, SignIn)
        self._calendars, self._sign_in = storage, sign_in
        self._outbox = outbox
        self._calendars.mailboxes = outbox is not None
        self._resources = Resources(storage, self._rights, dav=DAV)
        self._now = Now()
        self._fast = FastAnswers(storage, self._rights, max_resource_size=self._max_resource_size, dav=DAV)
        self._answers_fast = fast_answers

    def polls(self, *, max_body: int, note: Note) -> Polls | None:
        """The object that answers polls before a request comes here. None if fast answers are off."""
        if not self._answers_fast:
            return None
        return Polls(
            self._fast,
            self._calendars,
            self._sign_in,
            extra_headers=self._extra_headers,
            max_body=max_body,
            note=note,
            away=self._away,
        )

    def _handle_request(
        self, environ: types.WSGIEnviron
    ) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        """As in Radicale. Afterwards the thread holds nothing of the request or its answer."""
        minimal = "return=minimal" in environ.get("HTTP_PREFER", "").replace(" ", "").lower()
        self._now.asked = Asked(minimal=minimal)
        try:
            return self._handled(environ, self._now.asked)
        finally:
            self._now.asked = None

    @property
    def _asked(self) -> Asked:
        """The request that this thread answers."""
        asked = self._now.asked
        assert asked is not None
        return asked

    def _handled(
        self, environ: types.WSGIEnviron, asked: Asked
    ) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        self._sign_in.forget_attempt()
        try:
            status, headers, body = super()._handle_request(environ)
        except DatabaseUnavailable as away:
            return self._away(away)
        wait = self._sign_in.retry_after
        if status.startswith("401") and wait:
            text = f"Too many wrong passwords; try again in {counted(wait, 'second')}.\n".encode()
            return (
                "429 Too Many Requests",
                [("Retry-After", str(wait)), *_plain(text), *self._extra_headers.items()],
                [text],
            )
        if asked.quick is not None:
            return finish(environ, asked.quick, list(self._extra_headers.items()), minimal=asked.minimal)
        headers = [(name, DAV if name == "DAV" else value) for name, value in headers]
        if status.startswith("405") and "Allow" not in dict(headers):
            headers.append(("Allow", ALLOW))
        if status.startswith("207") and asked.minimal:
            headers.append(("Preference-Applied", "return=minimal"))
        return status, headers, body

    def _quickly(self, answer: Answered) -> Response:
        """Send a fast answer without Radicale, which would keep it in memory and compress it slowly."""
        self._asked.quick = answer
        return answer[0], {}, None, None

    def _away(self, away: DatabaseUnavailable) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        text = f"{AWAY}\n".encode()
        self._log_away(away)
        return (
            "503 Service Unavailable",
            [("Retry-After", str(away.retry_after)), *_plain(text), *self._extra_headers.items()],
            [text],
        )

    @staticmethod
    def _log_away(away: DatabaseUnavailable) -> None:
        logger.error("answered 503: %s", away)

    def _guarded(self, answer: Callable[[], _T]) -> _T | Response:
        """Radicale turns every exception of a verb into 500. An unreachable database is 503 (RFC 9110, 15.6.4)."""
        try:
            return answer()
        except DatabaseUnavailable as away:
            self._log_away(away)
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, AWAY, Retry_After=str(away.retry_after))

    def _read_xml_request_body(
        self, environ: types.WSGIEnviron, request_info: dict[str, object]
    ) -> ET.Element | None:
        asked = self._asked
        if not asked.is_read:
            asked.is_read = True
            content = httputils.read_raw_request_body(self.configuration, environ)
            try:
                asked.root = parse(content) if content.strip() else None
            except BadBody as bad:
                asked.bad_body = bad
        if asked.bad_body is not None:
            raise asked.bad_body
        return asked.root

    def _xml_response(self, xml_content: ET.Element, request_info: dict[str, object]) -> bytes:
        asked = self._asked
        if asked.viewer is not None and xml_content.tag == f"{D}multistatus":
            names = multistatus.requested(asked.root)
            if names or asked.viewer.root_alias:
                multistatus.correct(xml_content, names, asked.viewer)
        multistatus.add_strangers(xml_content, asked.unknown)
        multistatus.add_missing(xml_content, asked.strangers)
        if asked.minimal:
            multistatus.minimise(xml_content)
        asked.responses = len(xml_content.findall(f"{D}response")) if asked.limit else 0
        return in_ascii(without_controls(super()._xml_response(xml_content, request_info)))

    def do_OPTIONS(self, environ: types.WSGIEnviron, base_prefix: str, path: str, *_rest: object) -> Response:
        """What is really there."""
        mailbox = mailboxes.of_path(path)
        allow = mailboxes.ALLOW if mailbox and mailbox[1] == OUTBOX else ALLOW
        return HTTPStatus.OK, {"Allow": allow, "DAV": DAV}, None, None

    def do_GET(self, *given: *Given) -> types.WSGIResponse:
        """A calendar or an object. 304 if the client has the current version (RFC 9110, section 13)."""
        request = Request(*given)
        if not pathutils.strip_path(request.path):
            return (
                HTTPStatus.FOUND,
                {"Location": "/", "Content-Type": "text/plain"},
                "The calendars are below here.\n",
                None,
            )
        environ, path, user, groups = request.environ, request.path, request.user, request.groups
        environ = {**environ, "QUERY_STRING": ""}

        def answer() -> types.WSGIResponse:
            if conditional.is_conditional(environ):
                unchanged = self._resources.unchanged(environ, path, user, groups)
                if unchanged is not None:
                    return unchanged
            if self._answers_fast and user and (quick := self._fast.get(path, user, groups)) is not None:
                return self._quickly(quick)
            return RadicaleApplication.do_GET(self, *request._replace(environ=environ))

        return self._guarded(answer)

    def do_PROPFIND(self, *given: *Given) -> types.WSGIResponse:
        """Radicale's answer with the corrections of server/dav/multistatus.py."""
        request = Request(*given)
        if not request.user:
            return httputils.NOT_ALLOWED
        try:
            one_question(self._read_xml_request_body(request.environ, request.info))
        except BadBody as bad_body:
            return bad_body.response
        if self._answers_fast and not request.environ.get(ROOT_ALIAS):
            quick = self._guarded(
                lambda: self._fast.propfind(
                    self._asked.root,
                    request.depth,
                    request.prefix,
                    request.path,
                    request.user,
                    request.groups,
                    minimal=self._asked.minimal,
                )
            )
            if quick is not None:
                return self._quickly(quick)
        return self._propfind(request)

    def _propfind(self, request: Request) -> types.WSGIResponse:
        self._asked.unknown = without_strangers(self._asked.root)
        self._asked.viewer = multistatus.viewer(
            self._calendars,
            prefix=request.prefix,
            user=request.user,
            groups=request.groups,
            root_alias=bool(request.environ.get(ROOT_ALIAS)),
        )
        return self._guarded(lambda: RadicaleApplication.do_PROPFIND(self, *request))

    def do_REPORT(self, *given: *Given) -> types.WSGIResponse:
        """The supported reports (RFC 4791, section 7; RFC 6578). All others are refused by name."""
        request = Request(*given)
        path, user, groups = request.path, request.user, request.groups
        if not user:
            return httputils.NOT_ALLOWED
        try:
            root = self._read_xml_request_body(request.environ, request.info)
            if root is None:
                return plain(HTTPStatus.BAD_REQUEST, "A REPORT needs a request body.")
            reports.check(root)
            if root.tag == reports.FREE_BUSY:
                start, end = reports.free_busy_span(root)
                return self._guarded(lambda: self._resources.free_busy(path, user, groups, start, end))
            if root.tag == reports.EXPAND:
                minimal = self._asked.minimal

                def look_up(where: str, body: ET.Element, depth: str) -> types.WSGIResponse:
                    self._now.asked = Asked(minimal=minimal, is_read=True, root=body)
                    inner = {**request.environ, "HTTP_DEPTH": depth}
                    return self._propfind(request._replace(environ=inner, path=where, info={}))

                return expand.answer(root, path, request.depth, request.prefix, look_up)
            mailbox = mailboxes.of_path(path)
            if mailbox is not None and root.tag in reports.SUPPORTED:
                return inbox.report(root, mailbox, user)
            if self._answers_fast:
                quick = self._guarded(
                    lambda: self._fast.report(
                        root, request.prefix, path, user, groups, minimal=self._asked.minimal
                    )
                )
                if quick is not None:
                    return self._quickly(quick)
            expansion = reports.expansion(root)
            self._asked.limit = reports.result_limit(root)
            self._asked.strangers = reports.strangers(root, request.prefix)
        except reports.BadReport as bad:
            return bad.response
        except BadBody as bad_body:
            return bad_body.response
        with nullcontext() if expansion is None else self._calendars.expanding(expansion):
            return self._guarded(lambda: self._report(request))

    def _report(self, request: Request) -> types.WSGIResponse:
        try:
            answer = RadicaleApplication.do_REPORT(self, *request)
        except RuntimeError as bad:  # Radicale raises this for a filter that it cannot apply
            return plain(HTTPStatus.BAD_REQUEST, str(bad).split(":")[0] + ".")
        if self._asked.limit and self._asked.responses > self._asked.limit:
            return error(HTTPStatus.INSUFFICIENT_STORAGE, f"{D}number-of-matches-within-limits")
        return answer

    def do_PROPPATCH(self, *given: *Given) -> types.WSGIResponse:
        """Keep the viewer's own properties. Refuse the others inside a 207."""
        request = Request(*given)
        access = Access(self._rights, request.user, request.groups, request.path)
        if not access.check("r"):
            return httputils.NOT_ALLOWED if not request.user else _need_privileges()
        try:
            root = self._read_xml_request_body(request.environ, request.info)
            if root is not None:
                count_properties(root)
        except BadBody as bad_body:
            return bad_body.response
        if root is None or root.tag != f"{D}propertyupdate":
            return plain(HTTPStatus.BAD_REQUEST, "A PROPPATCH needs a DAV:propertyupdate as its body.")
        return self._guarded(
            lambda: self._resources.set_properties(root, request.prefix, request.path, request.user)
        )

    def _refused(
        self, environ: types.WSGIEnviron, base_prefix: str, path: str, user: str, *_rest: object
    ) -> types.WSGIResponse:
        """Refuse, since clients cannot write here. 401 for clients without credentials."""
        return _need_privileges() if user else httputils.NOT_ALLOWED

    do_PUT = do_DELETE = do_MOVE = do_COPY = do_MKCALENDAR = do_MKCOL = _refused  # type: ignore[assignment]  # noqa: N815

    def do_POST(
        self, environ: types.WSGIEnviron, base_prefix: str, path: str, user: str, *_rest: object
    ) -> types.WSGIResponse:
        """Requests for busy time at one's own outbox. POST has no other use here."""
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
