# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to a page: who asks, in which language and zone, with which transaction, and how it is answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Request, Response, render_template
from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from scheduling.access.permissions import Actor, Permission
from scheduling.access.secrets import Keyring
from scheduling.access.sessions import Browser
from scheduling.access.signed_in import SignedIn
from scheduling.access.users import User
from scheduling.database.connection import Connection, Database
from scheduling.snapshot import Snapshot
from server.api.protocol.operations import Call
from server.pages.frame import cookies, forms
from server.pages.frame.addresses import own
from server.pages.frame.forms import WHOLE_FORM, Form, FormRefused
from server.pages.frame.routes import Page
from server.pages.words.moments import Clock
from server.settings import Settings

M = TypeVar("M", bound=BaseModel)
FORM = "form"
"""The name of a form where its page has only one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """Given to each view. A page that answers GET has a `Snapshot`, one that answers POST a write transaction, which
    is committed when the view returns and rolled back when it raises. `flash` is what the page before says it did,
    `start` the first page of the person's navigation.
    """

    settings: Settings
    database: Database
    keyring: Keyring
    request: Request
    declared: Page
    clock: Clock
    signed_in: SignedIn | None
    transaction: Snapshot | Connection | None = None
    refused: FormRefused | None = None
    flash: str | None = None
    start: str | None = None

    @property
    def actor(self) -> Actor:
        """Who acts; only for pages that need somebody signed in."""
        assert self.signed_in is not None
        return self.signed_in.actor

    @property
    def user(self) -> User:
        """The person."""
        assert self.signed_in is not None
        return self.signed_in.user

    @property
    def browser(self) -> Browser:
        """What asks."""
        return Browser(
            address=self.request.remote_addr or "", user_agent=self.request.headers.get("User-Agent", "")
        )

    @property
    def call(self) -> Call:
        """The same request as one to the API: for its handlers, which check permissions and refuse as there."""
        assert self.transaction is not None
        return Call(
            settings=self.settings,
            database=self.database,
            keyring=self.keyring,
            actor=self.actor,
            transaction=self.transaction,
        )

    @property
    def connection(self) -> Connection:
        """The open transaction."""
        assert self.transaction is not None
        return self.transaction.connection if isinstance(self.transaction, Snapshot) else self.transaction

    @property
    def snapshot(self) -> Snapshot:
        """The view of calendars of a page that answers GET."""
        assert isinstance(self.transaction, Snapshot)
        return self.transaction

    @property
    def next(self) -> str:
        """Where to go afterwards: one of our own addresses."""
        return own(self.request.values.get("next"))

    @property
    def typed(self) -> MultiDict[str, str]:
        """The form that was sent."""
        return self.request.form

    def may(self, permission: Permission) -> bool:
        """Whether the person has the permission: for what a page offers; who acts asks by itself."""
        return self.signed_in is not None and permission in self.signed_in.actor.permissions

    def form(
        self,
        model: type[BaseModel],
        *,
        name: str = FORM,
        initial: BaseModel | Mapping[str, Any] | None = None,
        only: Iterable[str] | None = None,
        choices: Mapping[str, Iterable[str]] | None = None,
    ) -> Form:
        """A form for the page; with what was typed and what is wrong with it, if it has just been refused."""
        refused = self.refused if self.refused is not None and self.refused.form == name else None
        return forms.show(
            model,
            name=name,
            zone=self.clock.zone,
            initial=initial,
            typed=None if refused is None else self.request.form,
            errors=None if refused is None else refused.errors,
            only=only,
            choices=choices,
        )

    def given(self, model: type[M], *, name: str = FORM, extra: Mapping[str, Any] | None = None) -> M:
        """What was typed, validated by the API's model. Raises `FormRefused`."""
        return forms.read(model, self.request.form, name=name, zone=self.clock.zone, extra=extra)

    @contextmanager
    def refusing(self, *, name: str = FORM, beside: str = WHOLE_FORM) -> Iterator[None]:
        """What is refused inside is shown in the form, beside that field where the refusal names none."""
        with forms.refusing(name, beside):
            yield

    def page(self, template: str, *, status: int | None = None, **context: Any) -> Response:
        """The page made from a template, which finds the visit as `visit`."""
        usual = 200 if self.refused is None else self.refused.status
        text = render_template(template, visit=self, **context)
        response = Response(text, status=status or usual, content_type="text/html; charset=utf-8")
        if self.refused is not None and self.refused.retry_after is not None:
            response.headers["Retry-After"] = str(self.refused.retry_after)
        return response

    def home(self) -> Response:
        """Send a person who is signed in to where they begin."""
        return self.see(self.start or "/account")

    def see(self, path: str, said: str | None = None) -> Response:
        """Send the browser to another page of ours (303), which says in one sentence what was done."""
        response = Response(status=303, headers={"Location": path})
        if said:
            cookies.set_flash(response, self.request, self.keyring, said)
        return response
