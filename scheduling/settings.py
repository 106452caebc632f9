# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings kept in the database over those of the ini file, so that a change takes effect in every process at
the next request. A setting is named `section.option` and holds the text the ini file would.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from scheduling import ini
from scheduling.config import CalendarSettings, Config, TemplateSettings
from scheduling.errors import Invalid
from scheduling.models import Setting
from scheduling.view import View

SECTIONS: dict[str, type[Any]] = {"calendars": CalendarSettings, "templates": TemplateSettings}

_STORED = select(Setting.name, Setting.value).order_by(Setting.name)
_REMOVE = delete(Setting).where(Setting.name == bindparam("setting"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One setting with its text and where that comes from: `database`, or `file` (the ini file, environment
    or default).
    """

    name: str
    value: str
    source: str


def view(connection: Connection, config: Config) -> View:
    """What calendars show now: one indexed statement, parsed only when something changed."""
    rows = tuple((name, value) for name, value in connection.execute(_STORED))
    return _view(config.calendars, config.templates, rows)


def names() -> list[str]:
    """Every setting that can be changed while running."""
    return [f"{section}.{name}" for section, cls in SECTIONS.items() for name in ini.options_of(cls)]


def show(connection: Connection, config: Config) -> list[Shown]:
    """Every setting with its present value."""
    stored = {row.name: row.value for row in connection.execute(_STORED)}
    shown = []
    for name in names():
        section, option = name.split(".")
        value = stored.get(name)
        text = value if value is not None else _text(getattr(getattr(config, section), option))
        shown.append(Shown(name=name, value=text, source="file" if value is None else "database"))
    return shown


def change(connection: Connection, name: str, value: str | None) -> None:
    """Keep `value` for the setting, or with None fall back to the ini file. Raises `Invalid` with what is
    permitted.
    """
    if name not in names():
        raise Invalid(
            f"There is no setting {name!r}{ini.did_you_mean(name, names())}; see `daysheet settings show`."
        )
    if value is not None:
        _check(name, value)
    connection.execute(_REMOVE, {"setting": name})
    if value is not None:
        connection.execute(insert(Setting).values(name=name, value=value, changed_at=datetime.now(UTC)))


def _check(name: str, value: str) -> None:
    section, option = name.split(".")
    try:
        ini.load_section(SECTIONS[section], section, {option: value}, {}, "settings")
    except ini.ConfigError as error:
        raise Invalid(str(error)) from error


@lru_cache(maxsize=16)
def _view(
    calendars: CalendarSettings, templates: TemplateSettings, rows: tuple[tuple[str, str], ...]
) -> View:
    sections: dict[str, Any] = {"calendars": calendars, "templates": templates}
    for name, value in rows:
        section, _, option = name.partition(".")
        if section not in sections or option not in ini.options_of(SECTIONS[section]):
            continue  # left by another version
        parsed: Any = ini.load_section(SECTIONS[section], section, {option: value}, {}, "settings")
        sections[section] = dataclasses.replace(sections[section], **{option: getattr(parsed, option)})
    return View.of(sections["calendars"], sections["templates"])


def _text(value: object) -> str:
    if value is None:
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(getattr(value, "text", value))
