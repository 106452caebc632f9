# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors about outside calendars, each with a machine code and one sentence for the calendar's owner."""

from __future__ import annotations

import traceback

from scheduling.subscriptions.unread import ALWAYS, Gap


class ImporterError(Exception):
    """The outside calendar could not be imported. Events imported before stay.

    `reason` is a stable machine code, `message` one sentence that never holds the path, query or credentials of the
    address.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class FetchFailed(ImporterError):
    """The outside calendar could not be fetched.

    `retry_after` is the number of seconds the server asked to wait, if it did. `permanent` says that retries are
    useless until somebody changes the address or the settings. `gone` says that the server itself declared the calendar
    gone.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        retry_after: int | None = None,
        permanent: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after
        self.permanent = permanent
        self.gone = gone


class NotACalendar(ImporterError):
    """The fetched content is not a complete iCalendar stream (RFC 5545 section 3.4)."""


class Overtaxing(ImporterError):
    """Reading the outside calendar took too much time or memory, or ended the reading process."""


class Unusable(Exception):
    """One event cannot be represented. `reason` is the sentence shown beside its line number. `rule` is the same reason
    as a name for programs. `gap` is the time that the event may take, None if there is none.
    """

    def __init__(self, rule: str, reason: str, *, gap: Gap | None = ALWAYS) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.gap = gap


def where(error: BaseException) -> str:
    """The kind of an exception and where it was raised. The message is left out: it could hold an address, which is a
    secret.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = ", ".join(f"{frame.name}:{frame.lineno}" for frame in frames[-4:])
    return f"{type(error).__name__} in {places}"
