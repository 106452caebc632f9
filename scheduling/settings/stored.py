# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings kept in the database over those of the ini file, so that a change takes effect in every process at
the next request. A setting is named `section.option` and holds the text the ini file would.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from scheduling.access import audit
from scheduling.access.permissions import Actor, Permission, require
from scheduling.config import ini
from scheduling.config.sections import CHANGEABLE, Config
from scheduling.errors import Invalid
from scheduling.models import Setting
from scheduling.sentences import did_you_mean
from scheduling.settings.view import SHOWN_BY, View

logger = logging.getLogger(__name__)

LONGEST = 4000
"""Characters that the text of a setting may have."""

Stored = tuple[tuple[str, str], ...]
_STORED = select(Setting.name, Setting.value).order_by(Setting.name)
_REMOVE = delete(Setting).where(Setting.name == bindparam("setting"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One setting with its text and where that comes from: `database`, `file`, `environment` or `default`.
    The database never says what a `locked` one is. `permitted` says in words what the value may be.
    """

    name: str
    value: str
    source: str
    locked: bool
    doc: str
    permitted: str


class Locked(Invalid):
    """The setting is locked by the settings file."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The setting {name} is locked by `[settings] locked` in the settings file.")


def stored(connection: Connection) -> Stored:
    """The stored settings, names and texts in order: one indexed statement."""
    return tuple((name, value) for name, value in connection.execute(_STORED))


def view(connection: Connection, config: Config) -> View:
    """What calendars show now: one indexed statement, parsed only when something changed."""
    return view_of(config, stored(connection))


def view_of(config: Config, rows: Stored) -> View:
    """What calendars show with these stored settings."""
    return _effective(_Base.of(config), rows).view


def effective(connection: Connection, config: Config) -> Config:
    """The settings that count now: those of the database over the file's."""
    return dataclasses.replace(config, **_effective(_Base.of(config), stored(connection)).sections)


def names() -> list[str]:
    """Every setting that can be changed while running."""
    return [f"{section}.{name}" for section, cls in CHANGEABLE.items() for name in ini.options_of(cls)]


def show(connection: Connection, config: Config) -> list[Shown]:
    """Every setting with its present value."""
    kept = dict(stored(connection))
    shown = []
    for section, cls in CHANGEABLE.items():
        for it in ini.describe(cls, section):
            name = f"{section}.{it.name}"
            locked = name in config.settings.locked
            value = None if locked else kept.get(name)
            shown.append(
                Shown(
                    name=name,
                    value=_text(getattr(getattr(config, section), it.name)) if value is None else value,
                    source=config.sources.get(name, "default") if value is None else "database",
                    locked=locked,
                    doc=it.doc,
                    permitted=it.permitted,
                )
            )
    return shown


def change(
    connection: Connection,
    name: str,
    value: str | None,
    *,
    config: Config | None = None,
    actor: Actor,
) -> None:
    """Keep `value` for the setting, or with None fall back to the ini file. Raises `Forbidden`, `Locked` for one
    that `config` locks, and `Invalid` with what is permitted.
    """
    require(Permission.SETTINGS_EDIT, actor=actor)
    if name not in names():
        raise Invalid(f"There is no setting {name!r}{did_you_mean(name, names())}.", noun="setting")
    if config is not None and name in config.settings.locked:
        raise Locked(name)
    if value is not None:
        _check(name, value)
    before = connection.scalar(select(Setting.value).where(Setting.name == name))
    if value == before:
        return
    connection.execute(_REMOVE, {"setting": name})
    if value is not None:
        connection.execute(insert(Setting).values(name=name, value=value, changed_at=datetime.now(UTC)))
    audit.record(connection, "setting.change", f"setting:{name}", before=before, after=value, actor=actor)


def _check(name: str, value: str) -> None:
    if len(value) > LONGEST or "\x00" in value:
        raise Invalid(f"The value of {name} must have at most {LONGEST} characters, and no NUL.")
    section, option = name.split(".")
    try:
        ini.load_section(CHANGEABLE[section], section, {option: value}, {}, "settings")
    except ini.ConfigError as error:
        raise Invalid(str(error)) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Base:
    """What the ini file says about changeable settings; small enough to look the outcome up by."""

    sections: tuple[Any, ...]
    locked: tuple[str, ...]

    @classmethod
    def of(cls, config: Config) -> _Base:
        return cls(
            sections=tuple(getattr(config, name) for name in CHANGEABLE), locked=config.settings.locked
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Effective:
    sections: dict[str, Any]
    view: View


@lru_cache(maxsize=16)
def _effective(base: _Base, rows: Stored) -> _Effective:
    sections = dict(zip(CHANGEABLE, base.sections, strict=True))
    for name, value in rows:
        section, _, option = name.partition(".")
        if (
            name in base.locked
            or section not in sections
            or option not in ini.options_of(CHANGEABLE[section])
        ):
            continue  # the last two: left by another version
        try:
            parsed: Any = ini.load_section(CHANGEABLE[section], section, {option: value}, {}, "settings")
        except ini.ConfigError:
            logger.warning("stored setting %s is not acceptable to this version and is passed over", name)
            continue
        sections[section] = dataclasses.replace(sections[section], **{option: getattr(parsed, option)})
    shown = View.of(**{name: sections[name] for name in SHOWN_BY})
    return _Effective(sections=sections, view=shown)


def _text(value: object) -> str:
    if value is None:
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(getattr(value, "text", value))
