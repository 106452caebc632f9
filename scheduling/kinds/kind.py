# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of calendar is: everything by which one kind differs from another.

A kind has a file of its own beside this one. Whatever treats kinds differently asks a field of `Kind`, so that a
new kind needs no change there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from sqlalchemy import BindParameter, Row, Select, bindparam

from scheduling.ical.spans import Horizon
from scheduling.kinds.rendered import Rendered


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose calendar is rendered, and the installation's name that goes into every UID."""

    user_id: int
    display_name: str
    time_zone: str
    instance: str

    def uid(self, kind: str, source_id: int) -> str:
        """Stable and opaque; our own events coming back through an import are known by its domain part."""
        digest = blake2b(f"{self.instance}/{kind}/{self.user_id}/{source_id}".encode(), digest_size=16)
        return f"{digest.hexdigest()}@{domain_of(self.instance)}"


def domain_of(instance: str) -> str:
    """What the UIDs of an installation's own events have behind the @."""
    return f"{instance}.daysheet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """An option of the section `templates` by which a kind's events are worded. `default` is its text in the ini file,
    `fields` are those it may name. With `is_url` it is a link.
    """

    option: str
    default: str
    fields: tuple[str, ...]
    doc: str
    is_url: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """An option of the section `calendars` that names some of `among`, such as the statuses that are shown. `default`
    is its text in the ini file.
    """

    option: str
    default: str
    among: tuple[str, ...]
    doc: str


class Text(Protocol):
    """What an operator made of a wording (scheduling/config/templates.py)."""

    def render(self, values: Mapping[str, str | None]) -> str:
        """The text with each field's value in its place."""

    def render_url(self, values: Mapping[str, str | None]) -> str:
        """As `render`, each value encoded for a URL."""


class Look(Protocol):
    """What settings say about how events look. `View` (scheduling/settings/view.py) is one."""

    def text(self, wording: Wording) -> Text:
        """The template for one of a kind's wordings."""

    def chosen(self, choices: Choices) -> tuple[str, ...]:
        """What is chosen of one of a kind's choices."""


SourceRow = Row[*tuple[Any, ...]]
Renderer = Callable[[SourceRow, Owner, Look, Horizon], Rendered | None]
"""Makes a row into a calendar object, or None where it is not shown. Raises `NotRenderable`."""
Reason = Callable[[str, str], tuple[str, str]]
"""From an event's STATUS and FBTYPE ('' for free) to the rule, a stable name, and a sentence that explains it."""

USER: BindParameter[Any] = bindparam("user_id")
NUMBER: BindParameter[Any] = bindparam("number")
IDS: BindParameter[Any] = bindparam("ids", expanding=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """How a kind says that an entry is cancelled: by the word `word` of one of its choices."""

    choices: Choices
    word: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kind:
    """One kind of calendar.

    Words:
      `slug` is the last segment of its calendars' addresses, their `kind` in the database, and its word for feeds.
      `event` is the word for its events in the API, on the command line and in conflicts; None: its entries are no
      events of their own. `noun` is one entry in a sentence, `entries` are several in the settings. `in_feed` is what a
      feed's description calls them; None: no feed can show them. `name` and `color` are the defaults of the settings
      `calendars.<slug>_name` and `_color`, with _ for -; a numbered kind has no such settings. `description` says what
      a calendar shows, for its owner `{name}`. `position` is its place among calendars in Apple's apps.

    Rows:
      `ids` selects the ids of a calendar's rows, shown or not (binds `USER`, and `NUMBER` if numbered). `rows` selects
      rows by `IDS`, each with an `id`, and `render` makes one into an object. `wordings` are its options in the section
      `templates`, `choices` its others in the section `calendars`.
      Whatever writes the rows appends to the outbox under the calendar's slug: triggers, which the migration of a new
      table makes, or our own code. `held` selects something as long as the rows of a calendar are being changed in
      several steps (binds `NUMBER`); the calendar stays as it is until then.

    Behaviour:
      `blocks`: its events take the owner's time. `numbered`: instead of one calendar called `slug` there are any
      number, `slug-<number>`, each with a name of its own. `restricted`: only those have it who may read everybody's
      calendars. `switch` is a section of the settings whose option `enabled` says whether there is one; None: there
      always is. `imported`: its events come from elsewhere; only their owner sees what they are.
      `buffered`: `[availability]` keeps time around its events. `cancelled`: feeds may show cancelled ones for a
      while, and how to tell them; None: they may not. `reason` explains what an event does to availability; None where
      that is read from what was imported.
    """

    slug: str
    event: str | None
    noun: str
    entries: str
    in_feed: str | None
    description: str
    position: int
    ids: Select[int]
    rows: Select[*tuple[Any, ...]]
    render: Renderer
    name: str = ""
    color: str = "#9467BDFF"
    wordings: tuple[Wording, ...] = ()
    choices: tuple[Choices, ...] = ()
    blocks: bool = True
    numbered: bool = False
    restricted: bool = False
    switch: str | None = None
    imported: bool = False
    buffered: bool = False
    cancelled: Cancelled | None = None
    reason: Reason | None = None
    held: Select[int] | None = None
    name_option: str = field(init=False)
    color_option: str = field(init=False)

    def __post_init__(self) -> None:
        begin = self.slug.replace("-", "_")
        object.__setattr__(self, "name_option", f"{begin}_name")
        object.__setattr__(self, "color_option", f"{begin}_color")

    @property
    def prefix(self) -> str:
        """How the slugs of a numbered kind's calendars begin."""
        return f"{self.slug}-"

    def slug_of(self, number: int) -> str:
        """The slug of a numbered kind's calendar."""
        return f"{self.prefix}{number}"

    def number_of(self, slug: str) -> int | None:
        """The number in the slug of one of its calendars; None where it has none."""
        rest = slug.removeprefix(self.prefix)
        is_one = self.numbered and rest != slug and rest.isascii() and rest.isdigit()
        return int(rest) if is_one else None
