# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person may go to: the navigation by permission, and the breadcrumb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scheduling.access.permissions import Actor, Permission
from server.pages.frame.routes import Needs, Page, Section, Who
from server.pages.words.languages import gettext


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Somewhere to go; `here` where the page shown is it or below it."""

    path: str
    label: str
    here: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Navigation:
    """Every declared page."""

    pages: Mapping[str, Page]
    """Those that answer GET, by path."""

    @classmethod
    def of(cls, pages: Iterable[Page]) -> Navigation:
        """The navigation among these pages."""
        return cls(pages={it.path: it for it in pages if it.method == "GET"})

    def links(self, actor: Actor | None, path: str) -> dict[Section, list[Link]]:
        """What the actor may see, by section, in order; sections with nothing in them are left out."""
        above = {it.path for it in self._way(path)}
        shown = [it for it in self.pages.values() if it.nav is not None and permits(it.needs, actor)]
        found: dict[Section, list[Link]] = {}
        for section in Section:
            links = sorted(
                (it.nav.order, it.path, it.nav.label)
                for it in shown
                if it.nav is not None and it.nav.section is section
            )
            if links:
                found[section] = [
                    Link(path=where, label=gettext(label), here=where in above) for _, where, label in links
                ]
        return found

    def crumbs(self, path: str) -> list[Link]:
        """The pages above the one with this declared path, the topmost first."""
        return [Link(path=it.path, label=gettext(it.title)) for it in self._way(path)[:-1]]

    def home(self, actor: Actor) -> str | None:
        """Where somebody begins: the first page of the navigation."""
        for links in self.links(actor, "").values():
            return links[0].path
        return None

    def _way(self, path: str) -> list[Page]:
        way: list[Page] = []
        found = self.pages.get(path)
        while found is not None and found not in way:
            way.insert(0, found)
            found = self.pages.get(found.under) if found.under else None
        return way


def permits(needs: Needs, actor: Actor | None) -> bool:
    """Whether somebody may see a page that needs this."""
    if needs is Who.ANYBODY:
        return True
    if actor is None:
        return False
    match needs:
        case Who():
            return True
        case Permission():
            return needs in actor.permissions
        case _:
            return any(it in actor.permissions for it in needs)
