# SPDX-License-Identifier: GPL-3.0-or-later
"""Which command helps with an error. Only the command line shows it; `scheduling` itself never names a command."""

from __future__ import annotations

from collections.abc import Mapping

from scheduling.errors import KeyNotInFile, SchedulingError, SchemaMismatch
from scheduling.schedule.entries import LoadFailed, UserNeeded

_BY_NOUN: Mapping[str, str] = {
    "API key": "`daysheet api-key list` shows them",
    "database": "`daysheet db upgrade` makes it",
    "feed": "`daysheet feed list` shows them",
    "role": "`daysheet role list` shows them",
    "schema": "run `daysheet db upgrade`",
    "setting": "`daysheet settings show` shows them",
    "subscription": "`daysheet subscription list` shows them",
    "user": "`daysheet user list` shows them",
    "webhook": "`daysheet webhook list` shows them",
}
"""Commands by the subject of an error, if the error has one."""
_BY_FINDING: Mapping[str, str] = {
    "entry-unreadable": "`daysheet doctor` says which",
    "calendars": "start a server, or run `daysheet db maintain` from cron",
    "imports": "`daysheet subscription list` says why",
    "webhooks": "`daysheet webhook list` says why",
    "worker": "`daysheet worker` starts one",
    "server": "`daysheet serve` starts one",
}


def sentence(error: SchedulingError) -> str:
    """The error's message, with the command that helps if there is one."""
    if isinstance(error, SchemaMismatch) and not error.is_newer:
        return _joined(str(error), "run `daysheet db upgrade`")
    if isinstance(error, KeyNotInFile):
        return _joined(str(error), "`daysheet secrets new-key` makes one")
    if isinstance(error, UserNeeded):
        return _joined(str(error), "name the user with --user")
    if isinstance(error, LoadFailed):
        return f"{error}\n`daysheet user add` adds a user." if error.noun == "user" else str(error)
    return _joined(str(error), _BY_NOUN.get(error.noun, ""))


def of_finding(name: str, fact: str) -> str:
    """What was found, with the command that helps; `name` is that of a check or of a rule of availability."""
    return _joined(fact, _BY_FINDING.get(name, ""))


def _joined(fact: str, help_: str) -> str:
    return f"{fact.removesuffix('.')}; {help_}." if help_ else fact
