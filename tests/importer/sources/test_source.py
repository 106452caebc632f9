# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of sources: what every one of them answers, and what becomes of it in the real cycle.

A new source passes by a fixture of its own in `SOURCES`: a place that shows calendars, and the source that lists it.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Protocol

import pytest

from importer.cycle import Outcome, Tools, synchronise
from importer.errors import FetchFailed, ImporterError
from importer.fetch.addresses import Exemptions
from importer.fetch.policy import FetchPolicy
from importer.schedule import Schedule
from importer.sources.registry import source_of
from importer.sources.source import Extent, Listing, Source, Wanted
from importer.store import HttpFacts
from importer.understand.body import Job, Reader, Stream, read
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.store import ImportStore
from tests.importer.conftest import CalendarServer

KEYRING = Keyring("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
POLICY = FetchPolicy(allow_http=True, allow=Exemptions.parse(["127.0.0.1"]), deadline=10)


def calendar(*titles: str) -> bytes:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{title}@example.com\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:{title}\r\n"
        "DTSTART:20270101T090000Z\r\nDTEND:20270101T100000Z\r\nEND:VEVENT\r\n"
        for title in titles
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n{events}END:VCALENDAR\r\n".encode()


class Place(Protocol):
    """Somewhere outside, and the source that lists it."""

    url: str
    source: Source

    def shows(self, *titles: str) -> None:
        """From now on these events are there."""

    def is_broken(self) -> None:
        """From now on nothing can be had."""


class Published:
    """An .ics file on a web server."""

    def __init__(self, server: CalendarServer, _folder: Path) -> None:
        self._server = server
        self.url = server.says("/calendar.ics", 404)
        self.source = source_of(self.url, POLICY)

    def shows(self, *titles: str) -> None:
        body = calendar(*titles)
        etag = f'"{sha256(body).hexdigest()}"'

        def answer(handler: BaseHTTPRequestHandler) -> None:
            unchanged = handler.headers["If-None-Match"] == etag
            handler.send_response(304 if unchanged else 200)
            handler.send_header("ETag", etag)
            if not unchanged:
                handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            if not unchanged:
                handler.wfile.write(body)

        self._server.answers["/calendar.ics"] = answer

    def is_broken(self) -> None:
        self._server.says("/calendar.ics", 500)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Folder:
    """A source of a kind of its own: all .ics files of a folder are one calendar."""

    folder: Path

    def list(self, wanted: Wanted) -> Listing:
        files = sorted(self.folder.glob("*.ics"))
        if not files:
            raise FetchFailed("gone", "The folder is empty.")
        events = b"".join(file.read_bytes() for file in files)
        etag = sha256(events).hexdigest()
        facts = HttpFacts(
            status=200,
            etag=True,
            last_modified=None,
            content_type=None,
            octets=len(events),
            milliseconds=0,
            host="here",
        )
        if wanted.etag == etag:
            return Listing(extent=Extent.UNCHANGED, etag=etag, http=facts)
        body = calendar().replace(b"END:VCALENDAR", events + b"END:VCALENDAR")
        return Listing(extent=Extent.SNAPSHOT, content=Stream(body=body), etag=etag, http=facts)


class InAFolder:
    """Some .ics files on a disk."""

    def __init__(self, _server: CalendarServer, folder: Path) -> None:
        self._folder = folder
        self.url = "https://calendars.example.com/folder"
        self.source = _Folder(folder=folder)

    def shows(self, *titles: str) -> None:
        self.is_broken()
        for title in titles:
            whole = calendar(title)
            event = whole[whole.index(b"BEGIN:VEVENT") : whole.index(b"END:VCALENDAR")]
            (self._folder / f"{title}.ics").write_bytes(event)

    def is_broken(self) -> None:
        for file in self._folder.glob("*.ics"):
            file.unlink()


SOURCES: list[Callable[[CalendarServer, Path], Place]] = [Published, InAFolder]


@pytest.fixture(params=SOURCES, ids=lambda made: made.__name__)
def place(request: pytest.FixtureRequest, server: CalendarServer, tmp_path: Path) -> Place:
    made: Place = request.param(server, tmp_path)
    return made


def names(listing: Listing) -> list[str]:
    assert listing.content is not None
    readers = (Reader(time_zone="UTC", stored={}),)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    (reading,) = read(Job(content=listing.content, max_events=100, readers=readers, now=now))
    return sorted(event.uid for event in reading.events)


def test_the_first_listing_is_a_snapshot_of_everything(place: Place) -> None:
    place.shows("a", "b")
    listing = place.source.list(Wanted(url=place.url))
    assert listing.extent is Extent.SNAPSHOT
    assert names(listing) == ["a@example.com", "b@example.com"]
    assert listing.http.octets > 0


def test_with_its_validators_an_unchanged_source_has_no_content(place: Place) -> None:
    place.shows("a")
    first = place.source.list(Wanted(url=place.url))
    again = Wanted(url=place.url, etag=first.etag, last_modified=first.last_modified)
    listing = place.source.list(again)
    assert (listing.extent, listing.content) == (Extent.UNCHANGED, None)
    place.shows("b")
    changed = place.source.list(again)
    assert changed.extent is Extent.SNAPSHOT
    assert names(changed) == ["b@example.com"]


def test_content_can_be_read_in_another_process_and_known_again(place: Place) -> None:
    place.shows("a")
    content = place.source.list(Wanted(url=place.url)).content
    assert content is not None
    copy = pickle.loads(pickle.dumps(content))  # noqa: S301 (our own)
    assert copy.octets == content.octets > 0
    assert copy.digest("UTC") == content.digest("UTC") != content.digest("Europe/Berlin")
    assert len(copy.opened().events) == 1
    place.shows("a", "b")
    other = place.source.list(Wanted(url=place.url)).content
    assert other is not None
    assert other.digest("UTC") != content.digest("UTC")


def test_what_cannot_be_had_is_an_error_of_the_importer_without_the_address(place: Place) -> None:
    place.is_broken()
    with pytest.raises(ImporterError) as failed:
        place.source.list(Wanted(url=place.url))
    assert failed.value.reason
    assert place.url not in str(failed.value)


def test_the_cycle_takes_it_over_keeps_it_when_it_fails_and_follows_it(
    place: Place, database: Database
) -> None:
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        subscriptions.add(connection, KEYRING, user.id, place.url, "Mine", actor=SYSTEM)
    store = ImportStore(database, Config(), KEYRING, followers=FOLLOWERS)

    def turn() -> str:
        outcomes: list[Outcome] = []
        tools = Tools(
            store=store,
            source=lambda _url: place.source,
            schedule=Schedule(interval=60),
            read=read,
            done=lambda _due, outcome: outcomes.append(outcome),
        )
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE subscriptions SET next_at = 0, rest_until = 0")
        synchronise(store.claim(int(time.time()) + 1, 600, 10), tools)
        (outcome,) = outcomes
        return outcome.status

    def stored() -> list[str]:
        with database.read() as connection:
            rows = connection.exec_driver_sql("SELECT uid FROM external_events ORDER BY uid")
            return [row[0] for row in rows]

    place.shows("a", "b", "c")
    assert turn() == "applied"
    assert turn() == "unchanged"
    assert stored() == ["a@example.com", "b@example.com", "c@example.com"]
    place.is_broken()
    assert turn() == "failed"
    assert len(stored()) == 3
    place.shows("a", "b", "d")
    assert turn() == "applied"
    assert stored() == ["a@example.com", "b@example.com", "d@example.com"]
