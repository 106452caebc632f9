# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the importer is started: its loop over the database's import store and webhook queue, and over
conflicts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from importer.daemon import Summary, deliver_now, stop_on_signals
from importer.daemon import run as run_daemon
from importer.fetch.admission import require_reachable
from importer.preview import MOST_OCTETS, ImporterError, Judged, Note, Preview, Span, fetched, preview
from scheduling.composition import FOLLOWERS
from scheduling.conflicts.watch import Watch
from scheduling.database import schema
from scheduling.errors import Invalid
from scheduling.subscriptions.credentials import Credentials, checked
from scheduling.subscriptions.store import ImportStore
from scheduling.webhooks.queue import WebhookQueue
from scheduling.webhooks.watch import JobWatch
from server import log
from server.settings import Settings
from server.supervision import end_with_supervisor

__all__ = [
    "MOST_OCTETS",
    "Busy",
    "Judged",
    "Note",
    "Preview",
    "Span",
    "admission",
    "deliver",
    "preview_of",
    "run",
]

_PREVIEWS = threading.BoundedSemaphore(2)


class Busy(Exception):
    """Too much is done at once; the message says what to do."""


def run(settings: Settings, *, once: bool, only: int | None = None) -> Summary:
    """Import what is due, and deliver what webhooks are to be told, until SIGTERM or SIGINT, or with `once` until
    nothing is. With `only`, import that subscription and deliver nothing. Raises `SchemaMismatch`.
    """
    log.configure(settings.server.log_level)
    database = settings.database()
    schema.require_current(database)
    stop = threading.Event()
    stop_on_signals(stop)
    end_with_supervisor(stop.set)
    store = ImportStore(database, settings.config, settings.keyring(), followers=FOLLOWERS)
    queue = WebhookQueue(database, settings.keyring())
    turns = [watch(database, settings.config, followers=FOLLOWERS).turn for watch in (JobWatch, Watch)]
    return run_daemon(store, settings.importer, once=once, stop=stop, only=only, queue=queue, turns=turns)


def deliver(settings: Settings, delivery_id: int) -> None:
    """Make one attempt at a webhook's delivery now, due or not."""
    log.configure(settings.server.log_level)
    queue = WebhookQueue(settings.database(), settings.keyring())
    deliver_now(queue, settings.importer, delivery_id)


def admission(settings: Settings) -> Callable[[str], None]:
    """What admits the addresses of calendars and webhooks before they are saved: it raises `Invalid` for those that
    would never be connected to. Names are not resolved before something is fetched.
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
    stored: Mapping[str, str] | None = None,
    own: Callable[[Collection[str]], Collection[str]] = lambda _uids: (),
) -> Preview:
    """What would become of a calendar, fetched from `url` with `credentials` or else given as `body`. Two at a time in
    a process.

    Raises `Busy`, and `Invalid` for what cannot be fetched or is no calendar.
    """
    if not _PREVIEWS.acquire(blocking=False):
        raise Busy("Other calendars are being looked at; try again in some seconds.")
    try:
        charset = None
        if url is not None:
            header = None if credentials is None else checked(credentials).header()
            body, charset = fetched(url, settings.importer, header)
        return preview(
            body,
            charset,
            default_zone=time_zone,
            zone_is_given=zone_is_given,
            now=datetime.now(UTC),
            stored=stored,
            own=own,
        )
    except ImporterError as error:
        raise Invalid(error.message) from None
    finally:
        _PREVIEWS.release()
