# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to its page: our own origin, who is signed in, may they, one transaction, forms that are refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, g, request

from scheduling.access import signed_in
from scheduling.access.permissions import Forbidden, Permission
from scheduling.access.signed_in import SignedIn
from scheduling.composition import FOLLOWERS
from scheduling.snapshot import PATIENCE, Snapshot
from server.pages.frame import confirming, cookies, navigation, origin
from server.pages.frame.addresses import with_next
from server.pages.frame.errors import Stop
from server.pages.frame.forms import FormRefused
from server.pages.frame.navigation import Navigation
from server.pages.frame.routes import Page, View
from server.pages.frame.visit import Visit
from server.pages.words.languages import choose, gettext
from server.pages.words.moments import Clock
from server.settings import Settings


class Dispatcher:
    """Makes declared pages into Flask views; keeps nothing between requests."""

    def __init__(self, settings: Settings, pages: tuple[Page, ...], navigation: Navigation) -> None:
        """`pages` are all there are."""
        self._navigation = navigation
        self._settings = settings
        self._database = settings.database()
        self._keyring = settings.keyring()
        self._showing: Mapping[View, Page] = {it.view: it for it in pages if it.method == "GET"}
        self._paths = frozenset(it.path for it in self._showing.values())

    def prepare(self) -> None:
        """Before each request: its language, and whether it comes from a page of ours. Raises `Stop`."""
        g.locale = choose(cookies.language(request), request.accept_languages)
        if not origin.is_own(request, self._settings.server.public_url):
            raise Stop(
                HTTPStatus.FORBIDDEN, gettext("This form was sent from another site; nothing was done.")
            )
        if request.environ.get("wsgi.input_withheld"):
            raise Stop(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def view(self, page: Page) -> Callable[..., Response]:
        """The Flask view of one page."""

        def view(**path: Any) -> Response:
            visit = self._visit(page)
            if not navigation.permits(page.needs, visit.signed_in.actor if visit.signed_in else None):
                return self._refuse(visit)
            if page.confirmed and (asked := confirming.needed(visit)) is not None:
                return asked
            return self._show(visit, path) if page.method == "GET" else self._act(visit, path)

        return view

    def _visit(self, page: Page) -> Visit:
        now = datetime.now(UTC)
        found = self._who(now)
        g.signed_in = found
        zone = ZoneInfo(found.user.time_zone) if found is not None else ZoneInfo("UTC")
        return Visit(
            settings=self._settings,
            database=self._database,
            keyring=self._keyring,
            request=request,
            declared=page,
            clock=Clock(locale=g.locale, zone=zone, now=now),
            signed_in=found,
            start=self._navigation.home(found.actor) if found is not None else None,
        )

    def _who(self, now: datetime) -> SignedIn | None:
        token = cookies.session(request)
        if not token:
            return None
        return signed_in.resolve(
            self._database,
            self._keyring,
            token,
            config=self._settings.config,
            address=request.remote_addr or "",
            at=now,
        )

    def _refuse(self, visit: Visit) -> Response:
        if visit.signed_in is not None:
            needs = visit.declared.needs
            raise Forbidden(needs if isinstance(needs, Permission) else Permission.USERS_MANAGE)
        shown = request.method in origin.SAFE or visit.declared.path in self._paths
        return visit.see(with_next("/sign-in", request.full_path.rstrip("?") if shown else "/"))

    def _show(self, visit: Visit, path: Mapping[str, Any]) -> Response:
        said = cookies.flash(request, self._keyring)
        with Snapshot(
            self._database, self._settings.config, patience=PATIENCE, followers=FOLLOWERS
        ) as snapshot:
            response = visit.declared.view(replace(visit, transaction=snapshot, flash=said), **path)
        if said is not None and response.status_code == HTTPStatus.OK:
            cookies.drop_flash(response, request)
        return response

    def _act(self, visit: Visit, path: Mapping[str, Any]) -> Response:
        page = visit.declared
        try:
            if page.writes_itself:
                return page.view(visit, **path)
            with self._database.write() as connection:
                return page.view(replace(visit, transaction=connection), **path)
        except FormRefused as refused:
            assert page.again is not None
            shown = self._showing[page.again]
            wanted = inspect.signature(page.again).parameters
            again = replace(visit, declared=shown, refused=refused)
            return self._show(again, {name: value for name, value in path.items() if name in wanted})
