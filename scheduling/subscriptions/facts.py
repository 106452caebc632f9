# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes between the importer and the database: what is due, what an exchange found, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from scheduling.subscriptions import reading
from scheduling.subscriptions.credentials import Credentials
from scheduling.subscriptions.events import StoredEvent
from scheduling.subscriptions.unread import Gap


class Standing(IntEnum):
    """How long a source is to be expected to keep an importer waiting, the worst first: its whole time limit, nobody
    knows (a new one, or one that was slow), hardly.
    """

    FAILING = 0
    UNPROVEN = 1
    PROMPT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A subscription that was claimed for one synchronisation.

    `url` is a secret, and so are `credentials`, which are for the URL's own origin only. `etag` and `last_modified` are
    those of what was read last, or None to fetch unconditionally. `time_zone` is the IANA zone of its floating times,
    `failures` how often in a row it has failed and `failing_since` the epoch second of the first of these, `prompt`
    whether it answered well and soon when it was last asked. `lease` proves the claim, `minimum_interval` are the
    seconds that have to pass before the next, `refresh` those that the feed asked for. Equal `source_key`s have equal
    URLs and credentials; `body_digest` is of what was read last. `zone_is_given` says that `time_zone` was given for
    this source, and is not only the user's. `addresses` are the user's own e-mail addresses in lower case.
    this source, and is not only the user's. `unfinished`: a state is still being written (`applying.py`).
    """

    id: int
    user_id: int
    url: str = field(repr=False)
    etag: str | None
    last_modified: str | None
    time_zone: str
    failures: int
    lease: str
    prompt: bool = False
    minimum_interval: int = 0
    refresh: int = 0
    failing_since: int | None = None
    source_key: bytes = field(default=b"", repr=False)
    body_digest: str | None = None
    credentials: Credentials | None = field(default=None, repr=False)
    zone_is_given: bool = False
    addresses: frozenset[str] = frozenset()
    unfinished: bool = False

    @property
    def context(self) -> str:
        """How it is read, beside what it holds."""
        return reading.context(self.time_zone, is_given=self.zone_is_given, addresses=self.addresses)

    @property
    def standing(self) -> Standing:
        """What the last synchronisation lets expect of this one."""
        if self.failures:
            return Standing.FAILING
        return Standing.PROMPT if self.prompt else Standing.UNPROVEN


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpFacts:
    """What the last HTTP exchange of a fetch was like: the status, whether there was an ETag, Last-Modified and the
    media type as sent, the octets read (decoded), how long everything took, and the host after all redirects.
    """

    status: int
    etag: bool = False
    last_modified: str | None = None
    content_type: str | None = None
    octets: int = 0
    milliseconds: int = 0
    host: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """An event that was left out: where it begins, its UID if it has one, and why, as a sentence."""

    line: int
    uid: str | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a successful synchronisation found. `next_at` is in epoch seconds.

    `fetched` counts the events in the source (0 when it answered that nothing changed), `imported` those
    inserted or updated, `unchanged` those left alone, `own` the user's own that came back. An answer without
    changes keeps the validators it was asked with. `refresh` are the seconds that the feed asks to wait between
    fetches, `gaps` the time that may be taken and could not be read.
    """

    etag: str | None
    last_modified: str | None
    next_at: int
    fetched: int = 0
    imported: int = 0
    unchanged: int = 0
    own: int = 0
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    calendar_name: str | None = None
    body_digest: str | None = None
    refresh: int = 0
    http: HttpFacts | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why nothing could be read, for programs and as a sentence, and when to try again, in epoch seconds: at `next_at`,
    and before `rest_until` even if somebody asks for it (0: no server asked for that). `pause` means not at all until
    somebody resumes it.
    """

    reason: str
    message: str
    next_at: int
    rest_until: int = 0
    pause: bool = False
    http: HttpFacts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """One state of a source, to be judged and applied: `seen` maps every UID in it to its content
    hash, `upserts` are the events among them whose hash `ImportStore.hashes` did not have.
    """

    seen: Mapping[str, str]
    upserts: tuple[StoredEvent, ...]
    facts: Facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of a state: applied, put into quarantine for a `reason`, or nothing, since the claim was lost."""

    status: Literal["applied", "quarantined", "lost"]
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    reason: str | None = None
