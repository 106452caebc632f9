# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of calendar there are.

Settings, statements, and the choices of API and commands are made of them once, when their modules are loaded. So a
kind is registered before the first of these asks.
"""

from __future__ import annotations

from scheduling.kinds.kind import Kind


class Registry:
    """Kinds in the order in which they are listed."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._by_event: dict[str, Kind] = {}
        self._is_asked = False

    def register(self, kind: Kind) -> None:
        """Add a kind behind the others. Raises RuntimeError once somebody has asked which there are, and ValueError for
        a word that another kind has.
        """
        if self._is_asked:
            raise RuntimeError(
                f"The kind of calendar {kind.slug!r} comes too late: register it before other modules are imported."
            )
        taken = [
            word
            for word, others in ((kind.slug, self._kinds), (kind.event, self._by_event))
            if word in others
        ]
        if taken:
            raise ValueError(f"There is a kind of calendar {taken[0]!r} already.")
        self._kinds[kind.slug] = kind
        if kind.event is not None:
            self._by_event[kind.event] = kind

    def every(self) -> tuple[Kind, ...]:
        """All of them."""
        self._is_asked = True
        return tuple(self._kinds.values())

    def of(self, slug: str) -> Kind:
        """The kind called `slug`, as in the column `calendars.kind`. KeyError for none."""
        return self._kinds[slug]

    def of_event(self, event: str) -> Kind:
        """The kind of calendar that events called so are in. KeyError for none."""
        return self._by_event[event]

    def of_calendar(self, slug: str) -> Kind | None:
        """The kind of the calendar at `slug`, None for no such slug."""
        found = self._kinds.get(slug)
        if found is not None:
            return None if found.numbered else found
        return next((it for it in self._kinds.values() if it.number_of(slug) is not None), None)


_REGISTRY = Registry()
register = _REGISTRY.register
every = _REGISTRY.every
of = _REGISTRY.of
of_event = _REGISTRY.of_event
of_calendar = _REGISTRY.of_calendar
