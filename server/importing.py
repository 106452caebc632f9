# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server needs from the importer: whether an address would be fetched, and how a calendar would be
imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from importer.fetch.admission import require_reachable
from importer.loading import read as rows_of
from importer.preview import (
    MOST_OCTETS,
    Content,
    ImporterError,
    Judged,
    Note,
    Preview,
    Span,
    Stream,
    fetched,
    preview,
)
from scheduling.errors import Invalid
from scheduling.schedule.entries import Reading
from scheduling.subscriptions.credentials import Credentials, checked
from server.settings import Settings

__all__ = [
    "MOST_OCTETS",
    "Busy",
    "Judged",
    "Note",
    "Preview",
    "Span",
    "admission",
    "preview_of",
    "schedule_of",
]

_PREVIEWS = threading.BoundedSemaphore(2)


class Busy(Exception):
    """Too much is running at once. The message says what to do."""


def admission(settings: Settings) -> Callable[[str], None]:
    """Returns the check for addresses of calendars and webhooks before they are saved. The check raises `Invalid` for
    addresses that would never be connected to. It resolves no names.
    """
    policy = settings.importer.policy()

    def admit(url: str) -> None:
        try:
            require_reachable(url, policy)
        except ImporterError as error:
            raise Invalid(error.message) from None

    return admit


def preview_of(
    settings: Settings,
    *,
    url: str | None,
    credentials: Credentials | None = None,
    body: bytes = b"",
    time_zone: str,
    zone_is_given: bool = False,
    email: str | None = None,
    stored: Mapping[str, str] | None = None,
    own: Callable[[Collection[str]], Collection[str]] = lambda _uids: (),
) -> Preview:
    """What would become of a calendar, fetched from `url` with `credentials` or else given as `body`, for the user with
    the address `email`. Two at a time in a process.

    Raises `Busy`, and `Invalid` if the address cannot be fetched or holds no calendar.
    """
    if not _PREVIEWS.acquire(blocking=False):
        raise Busy("Other calendars are being looked at; try again in some seconds.")
    try:
        content: Content = Stream(body=body)
        if url is not None:
            header = None if credentials is None else checked(credentials).header()
            content = fetched(url, settings.importer, header)
        return preview(
            content,
            default_zone=time_zone,
            zone_is_given=zone_is_given,
            addresses=_addresses(email),
            now=datetime.now(UTC),
            stored=stored,
            own=own,
        )
    except ImporterError as error:
        raise Invalid(error.message) from None
    finally:
        _PREVIEWS.release()


def schedule_of(body: bytes, user: str, *, time_zone: str, email: str | None = None) -> Reading:
    """The events of a calendar as rows of the schedule of `user`, who has that time zone and address. Raises
    `LoadFailed`.
    """
    return rows_of(body, user, time_zone=time_zone, now=datetime.now(UTC), addresses=_addresses(email))


def _addresses(email: str | None) -> set[str]:
    return {email.strip().lower()} if email else set()
