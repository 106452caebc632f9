# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module declares its pages: address, who may see it, title, place in the navigation.

A view takes a `Visit` and the parameters of its address by name. One that answers GET reads in a snapshot; one that
answers POST has a write transaction, changes something and sends the browser elsewhere (Post/Redirect/Get).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from flask import Response

from scheduling.access.permissions import Permission

View = Callable[..., Response]
V = TypeVar("V", bound=View)


class Who(Enum):
    """Who may see a page, where no permission says it."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed in"


Needs = Who | Permission | tuple[Permission, ...]
"""One of several permissions is enough."""


class Section(Enum):
    """A part of the navigation, in order."""

    ME = "me"
    DISPATCH = "dispatch"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Nav:
    """A place in the navigation; the lowest order is first. `label` is marked with `N_`, as titles are."""

    section: Section
    order: int
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One declared page. `under` is the address of the page above it, for the breadcrumb. `again` is the view that
    shows the form once more when a POST is refused. `confirmed` ones ask for the password if it was not typed lately.
    `writes_itself` ones get no transaction: they open their own.
    """

    method: str
    path: str
    view: View
    area: str
    needs: Needs
    title: str = ""
    nav: Nav | None = None
    under: str | None = None
    confirmed: bool = False
    again: View | None = None
    writes_itself: bool = False

    @property
    def endpoint(self) -> str:
        """Unique among all pages."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """The pages of one module. `sentences` are those of errors of `scheduling` and of the API that these pages show,
    marked with `N_` and with what varies in braces, so that they can be translated.
    """

    area: str
    sentences: tuple[str, ...] = ()
    declared: list[Page] = field(default_factory=list)

    def get(
        self,
        path: str,
        *,
        needs: Needs,
        title: str,
        nav: Nav | None = None,
        under: str | None = None,
        confirmed: bool = False,
    ) -> Callable[[V], V]:
        """Make the decorated view a page."""

        def add(view: V) -> V:
            self._add("GET", path, view, needs, title=title, nav=nav, under=under, confirmed=confirmed)
            return view

        return add

    def post(
        self,
        path: str,
        *,
        needs: Needs,
        again: View,
        confirmed: bool = False,
        writes_itself: bool = False,
    ) -> Callable[[V], V]:
        """Make the decorated view what a form is sent to; `again` is the page that has the form."""

        def add(view: V) -> V:
            self._add(
                "POST", path, view, needs, confirmed=confirmed, again=again, writes_itself=writes_itself
            )
            return view

        return add

    def _add(self, method: str, path: str, view: View, needs: Needs, **rest: Any) -> None:
        self.declared.append(Page(method=method, path=path, view=view, area=self.area, needs=needs, **rest))
