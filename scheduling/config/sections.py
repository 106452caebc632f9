# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the scheduling database and of what calendars show; file.py loads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from scheduling import kinds
from scheduling.config import ini, wording
from scheduling.config.ini import Parser, option
from scheduling.config.mail import MailSettings
from scheduling.config.pages import PagesSettings
from scheduling.config.templates import Template
from scheduling.kinds.kind import Kind, Wording

T = TypeVar("T")

_BLOCKING = [it for it in kinds.every() if it.blocks]
CONFLICTING_KINDS = tuple(it.slug for it in _BLOCKING)
CALENDAR_NAME_FIELDS = ("calendar", "user")


def _read_database_url(given: str) -> str:
    try:
        url = make_url(given.strip())
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        if url.database in (None, "", ":memory:"):
            raise ValueError("names no file; a database in memory cannot be shared")
        return url.set(drivername="sqlite").render_as_string(hide_password=False)
    raise ValueError("names a database that is not supported")


_database_url = Parser(
    read=_read_database_url, permitted="sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>"
)


def of_kinds(options: Mapping[str, Any]) -> Callable[[type[T]], type[T]]:
    """Add options of kinds of calendar to a section."""

    def extended(cls: type[T]) -> type[T]:
        of_class = {"__doc__": cls.__doc__, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        fields = [(name, Any, it) for name, it in options.items()]
        return make_dataclass(
            cls.__name__, fields, bases=(cls,), namespace=of_class, frozen=True, slots=True, kw_only=True
        )

    return extended


def _options(kind: Kind) -> dict[str, Any]:
    """What a kind adds to the section `calendars`."""
    choices = {it.option: option(it.default, parse=ini.choices(*it.among), doc=it.doc) for it in kind.choices}
    if kind.numbered:
        return choices
    who = ", which dispatchers have" if kind.restricted else ""
    doc = f"The name of the calendar of {kind.entries}{who}."
    return {
        kind.name_option: option(kind.name, parse=wording.name, doc=doc),
        kind.color_option: option(kind.color, parse=wording.color, doc="Its colour."),
        **choices,
    }


def _text(it: Wording) -> Any:
    parse = wording.url_template if it.is_url else wording.template
    return option(it.default, parse=parse(*it.fields), doc=it.doc)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The scheduling database."""

    url: str = option(
        "sqlite:///var/daysheet.db",
        parse=_database_url,
        secret=True,
        doc="The URL of the scheduling database. A relative SQLite path starts at the directory in which "
        "Daysheet is started.",
    )
    pool_size: int = option(
        10, parse=ini.integer(1, 1000), doc="The most connections to PostgreSQL that one process keeps open."
    )
    busy_timeout: int = option(
        "10s", parse=ini.duration(1, 600), doc="How long a write waits for another write before it gives up."
    )
    transaction_pooling: bool = option(
        "no",
        parse=ini.boolean,
        doc="Set this to yes when the URL leads to a pooler such as PgBouncer in transaction mode. Then "
        "no statement is prepared and nothing is set for a session.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySettings:
    """Keys and sign-in."""

    key_file: Path | None = option(
        "",
        parse=ini.optional(ini.path),
        doc="The file of the key that encrypts feed links, addresses of outside calendars and their "
        "passwords. The first start makes it. Nothing means daysheet.key beside the SQLite file, or "
        "var/daysheet.key with PostgreSQL.",
    )
    key: str = option(
        "",
        secret=True,
        doc="The key itself, instead of a file. It is best to set it as DAYSHEET_SECURITY_KEY.",
    )
    password_cache: int = option(
        "60s",
        parse=ini.duration(0, 3600),
        doc="How long a correct password is remembered, in memory only. This saves the slow check of "
        "each request. A changed or revoked password still stops working at once. 0 remembers "
        "nothing.",
    )
    login_attempts: int = option(
        5,
        parse=ini.integer(1, 1000),
        doc="How many wrong passwords one address may send for one account before further attempts are "
        "slowed down.",
    )
    login_delay_max: int = option(
        "60s",
        parse=ini.duration(1, 3600),
        doc="The longest wait between two such attempts.",
    )
    reader_address_days: int = option(
        30,
        parse=ini.integer(0, 3650),
        doc="For how many days the address of a calendar client's last request is kept. 0 keeps none.",
    )


@of_kinds({name: it for kind in kinds.every() for name, it in _options(kind).items()})
@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSettings:
    """Which items the calendars hold, and the names of the calendars."""

    enabled: bool = option("yes", parse=ini.boolean, doc="Whether calendars and feeds are served.")
    history_months: int | None = option(
        1,
        parse=ini.history,
        doc="How many months of the past a calendar holds. It always holds the whole future.",
    )
    horizon_months: int = option(
        24,
        parse=ini.integer(1, 120),
        doc="How many months ahead recurring events are expanded for time-range queries and availability.",
    )
    tombstone_days: int = option(
        90,
        parse=ini.integer(1, 3650),
        doc="For how many days removed items are remembered. A client that stays away longer starts afresh.",
    )
    calendar_name: Template = option(
        "{calendar}",
        parse=wording.template(*CALENDAR_NAME_FIELDS),
        doc="The name of a calendar in calendar apps: {calendar} is its name below, {user} the user's.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictSettings:
    """What counts as a conflict. The buffers around a job are those of [availability]."""

    enabled: bool = option("yes", parse=ini.boolean, doc="Whether Daysheet looks for conflicts.")
    kinds: tuple[str, ...] = option(
        ",".join(CONFLICTING_KINDS),
        parse=ini.choices(*CONFLICTING_KINDS),
        doc=f"What a job can be in conflict with: other {', '.join(it.entries for it in _BLOCKING)}.",
    )
    offered_jobs: bool = option(
        "no",
        parse=ini.boolean,
        doc="Whether offered jobs count too, if calendars show them (calendars.job_statuses).",
    )
    tentative_events: bool = option(
        "yes", parse=ini.boolean, doc="Whether tentative imported events count too."
    )
    resolved_days: int = option(
        90, parse=ini.integer(1, 3650), doc="For how many days resolved conflicts stay in the list."
    )


@of_kinds({it.option: _text(it) for kind in kinds.every() for it in kind.wordings})
@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSettings:
    """The wording of calendar items.

    A line is left out if all its fields are empty. Separators beside an empty field are left out too.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Secret .ics links."""

    overlap_hours: int = option(
        0,
        parse=ini.integer(0, 168),
        doc="For how many hours a replaced link tells its readers that there is a new one. Whoever "
        "replaces the link can choose another number. 0 ends the link at once.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings:
    """People's outside calendars."""

    minimum_minutes: int = option(
        5,
        parse=ini.integer(1, 1440),
        doc="The fewest minutes between two fetches of an outside calendar.",
    )
    sync_seconds: int = option(
        30,
        parse=ini.integer(0, 3600),
        doc="The fewest seconds between two requested fetches of an outside calendar.",
    )
    generations: int = option(
        5,
        parse=ini.integer(1, 100),
        doc="How many states of an outside calendar are kept. Users can compare them and go back to them.",
    )
    vanished_percent: int = option(
        50,
        parse=ini.integer(1, 100),
        doc="The calendar goes into quarantine when more than this percentage of the events still to "
        "come is missing at once. What was imported before still blocks.",
    )
    vanished_events: int = option(
        5, parse=ini.integer(1, 100_000), doc="The fewest missing events that put a calendar into quarantine."
    )
    quarantine_hours: int = option(
        24,
        parse=ini.integer(0, 8760),
        doc="A calendar leaves quarantine after this number of hours, if its source still says the same. "
        "0: somebody has to decide.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilitySettings:
    """When people are free."""

    max_staleness_minutes: int = option(
        60,
        parse=ini.integer(1, 527_040),
        doc="The most minutes since an outside calendar was last read successfully. After that, time "
        "that is not known to be busy is unknown instead of free.",
    )
    buffer_before_minutes: int = option(
        0, parse=ini.integer(0, 1440), doc="How many minutes before each job are busy too, for the way there."
    )
    buffer_after_minutes: int = option(
        0, parse=ini.integer(0, 1440), doc="How many minutes after each job are busy too."
    )
    longest_wait_seconds: int = option(
        10,
        parse=ini.integer(0, 60),
        doc="The longest time that a request with `Prefer: wait` waits for outside calendars to be read "
        "again.",
    )
    waiting_requests: int = option(
        2,
        parse=ini.integer(0, 64),
        doc="How many requests of one process may wait like this at a time. Further ones are answered at "
        "once.",
    )


CHANGEABLE: Mapping[str, type[Any]] = {
    "calendars": CalendarSettings,
    "templates": TemplateSettings,
    "feeds": FeedSettings,
    "subscriptions": SubscriptionSettings,
    "availability": AvailabilitySettings,
    "conflicts": ConflictSettings,
}
"""The sections whose options can also be changed while running (scheduling/settings/stored.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSettings:
    """Settings that cannot be changed while Daysheet runs."""

    locked: tuple[str, ...] = option(
        "",
        parse=ini.choices(
            *(f"{section}.{name}" for section, cls in CHANGEABLE.items() for name in ini.options_of(cls))
        ),
        doc="Settings that always have the value of this file. They cannot be changed while running.",
    )


SECTIONS: Mapping[str, type[Any]] = {
    "database": DatabaseSettings,
    "security": SecuritySettings,
    **CHANGEABLE,
    "settings": LockSettings,
    "pages": PagesSettings,
    "mail": MailSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings that every part of Daysheet shares."""

    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    calendars: CalendarSettings = field(default_factory=CalendarSettings)
    templates: TemplateSettings = field(default_factory=TemplateSettings)
    feeds: FeedSettings = field(default_factory=FeedSettings)
    subscriptions: SubscriptionSettings = field(default_factory=SubscriptionSettings)
    availability: AvailabilitySettings = field(default_factory=AvailabilitySettings)
    conflicts: ConflictSettings = field(default_factory=ConflictSettings)
    settings: LockSettings = field(default_factory=LockSettings)
    pages: PagesSettings = field(default_factory=PagesSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Who says what an option is, `file` or `environment`, by `section.option`; what is not here has its default."""

    def key_path(self) -> Path:
        """The key file: the configured one, else `daysheet.key` beside the SQLite file, else in `var/`."""
        if self.security.key_file is not None:
            return self.security.key_file
        url: URL = make_url(self.database.url)
        directory = Path(url.database).parent if url.drivername == "sqlite" and url.database else Path("var")
        return directory / "daysheet.key"
