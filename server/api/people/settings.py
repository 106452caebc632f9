# SPDX-License-Identifier: GPL-3.0-or-later
"""/settings: what can be changed while running, over the settings file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from scheduling.access.permissions import Permission
from scheduling.errors import NotFound
from scheduling.settings import stored as settings
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.problems import FORMS
from server.api.protocol.validators import etag_of
from server.api.protocol.values import Given, Shown

routes = Routes(
    tag="Settings",
    about="Settings in the database. They count more than the settings file. A change takes effect at "
    "the next request, in every process.",
)

FORMS["^[a-z_]{1,32}[.][a-z_]{1,32}$"] = "It has to be the name of a setting such as calendars.history_months"
SettingName = Annotated[str, StringConstraints(pattern="^[a-z_]{1,32}[.][a-z_]{1,32}$")]


class SettingGiven(Given):
    """A new value."""

    value: Annotated[str, StringConstraints(max_length=settings.LONGEST, pattern=r"^[^\x00]*$")] = Field(
        description="Written as in the settings file."
    )


class Setting(Shown):
    """A setting."""

    name: str
    etag: str = Field(description="Its version, for If-Match.")
    value: str
    source: str = Field(description="database, file (the settings file), environment, or default.")
    locked: bool = Field(description="Whether the settings file locks it.")
    doc: str
    permitted: str


class Settings(Shown):
    """Every setting that can be changed while running."""

    settings: list[Setting]


@routes.operation("GET", "/settings", returns=Settings)
def list_settings(call: Call) -> Reply:
    """List the settings with their present values."""
    call.require(Permission.SETTINGS_VIEW)
    return Reply(body=Settings(settings=[_shown(it) for it in _all(call)]))


@routes.operation("GET", "/settings/{name}", returns=Setting, versioned=True)
def get_setting(call: Call, name: SettingName) -> Reply:
    """Show a setting."""
    call.require(Permission.SETTINGS_VIEW)
    shown = _one(call, name)
    return Reply(body=shown, etag=shown.etag)


@routes.operation("PUT", "/settings/{name}", returns=Setting, versioned=True)
def change_setting(call: Call, name: SettingName, body: SettingGiven) -> Reply:
    """Change a setting."""
    return _change(call, name, body.value)


@routes.operation("DELETE", "/settings/{name}", returns=Setting, status=200, refuses=(422,), versioned=True)
def reset_setting(call: Call, name: SettingName) -> Reply:
    """Set a setting back to the settings file."""
    return _change(call, name, None)


def _change(call: Call, name: str, value: str | None) -> Reply:
    call.require(Permission.SETTINGS_EDIT)
    call.require_current(_one(call, name).etag)
    settings.change(call.connection, name, value, config=call.settings.config, actor=call.actor)
    shown = _one(call, name)
    return Reply(body=shown, etag=shown.etag)


def _all(call: Call) -> list[settings.Shown]:
    return settings.show(call.connection, call.settings.config)


def _one(call: Call, name: str) -> Setting:
    for it in _all(call):
        if it.name == name:
            return _shown(it)
    raise NotFound(f"There is no setting {name}.")


def _shown(it: settings.Shown) -> Setting:
    return Setting(
        name=it.name,
        etag=etag_of(it.name, it.value, it.source, it.locked),
        value=it.value,
        source=it.source,
        locked=it.locked,
        doc=it.doc,
        permitted=it.permitted,
    )
