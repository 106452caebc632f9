# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an outside calendar cannot be read makes time unknown, in the same words everywhere; never free."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest

from importer.config import ImporterConfig
from importer.fetch.addresses import Exemptions
from importer.loop import run
from importer.preview import preview
from importer.understand.body import Stream
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.availability.answer import Availability, answer
from scheduling.availability.explain import explain
from scheduling.availability.people import caught_up
from scheduling.availability.question import Question
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.stored import view
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import history, subscriptions
from scheduling.subscriptions.store import ImportStore
from scheduling.subscriptions.unread import ALWAYS, RULE, SENTENCE, Gap, dumps, loads, merged
from scheduling.upkeep import health
from tests.importer.conftest import CalendarServer

KEYRING = Keyring("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
CONFIG = dataclasses.replace(
    ImporterConfig(), allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), timeout=20
)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = TODAY + timedelta(days=3)
GOOD = f"BEGIN:VEVENT\r\nUID:good\r\nDTSTART:{DAY:%Y%m%d}T090000Z\r\nDTEND:{DAY:%Y%m%d}T100000Z\r\nEND:VEVENT\r\n"
BAD = "BEGIN:VEVENT\r\nUID:bad\r\nDTSTART:NaNNaNNaN\r\n{}END:VEVENT\r\n"
BUSY = [(9, 10, "BUSY")]
UNKNOWN = [(0, 9, "UNKNOWN"), (9, 10, "BUSY"), (10, 24, "UNKNOWN")]


@dataclasses.dataclass
class Calendar:
    """One user's subscription; `shows` is what its source shows from then on."""

    database: Database
    server: CalendarServer
    number: int = 0

    def shows(self, *parts: str) -> None:
        body = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + "".join(parts) + "END:VCALENDAR\r\n"
        url = self.server.says("/a.ics", 200, body.encode())
        with self.database.write() as connection:
            if not self.number:
                user = users.create(connection, username="anna", time_zone="UTC", actor=SYSTEM).id
                self.number = subscriptions.add(connection, KEYRING, user, url, "Private", actor=SYSTEM).id
            subscriptions.request_sync(connection, self.number, actor=SYSTEM)
        store = ImportStore(self.database, Config(), KEYRING, followers=FOLLOWERS)
        assert run(store, CONFIG, once=True, stop=threading.Event(), only=self.number).failed == 0

    def availability(self) -> Availability:
        start = int(DAY.timestamp())
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            people = caught_up(snapshot, ["anna"])
            question = Question(start=start, end=start + 86400, max_staleness=3600)
            return answer(snapshot.connection, people, question, snapshot.now)[0]

    def day(self) -> list[tuple[float, float, str]]:
        start = int(DAY.timestamp())
        found = self.availability().periods
        return [((it.start - start) / 3600, (it.end - start) / 3600, it.fbtype) for it in found]

    def reasons(self) -> list[tuple[str, str]]:
        at = int(DAY.timestamp()) + 60
        given = self.availability()
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            return [(it.rule, it.detail) for it in explain(snapshot.connection, given, [], at).reasons]

    def told(self) -> str | None:
        with self.database.read() as connection:
            report = subscriptions.get(connection, self.number, actor=SYSTEM).report
        assert report is not None
        found: str | None = report["unknown"]
        return found

    def diagnosis(self) -> str:
        with self.database.read() as connection:
            return next(it.text for it in health.examine(connection, None) if it.check == "imports")


@pytest.fixture
def calendar(database: Database, server: CalendarServer) -> Calendar:
    return Calendar(database, server)


def test_an_event_that_cannot_be_read_makes_time_unknown_and_everybody_says_so(calendar: Calendar) -> None:
    calendar.shows(GOOD, BAD.format(""))
    assert calendar.day() == UNKNOWN
    assert calendar.reasons() == [(RULE, SENTENCE)]
    assert calendar.told() == SENTENCE
    assert SENTENCE in calendar.diagnosis()
    body = f"BEGIN:VCALENDAR\r\n{BAD.format('')}END:VCALENDAR\r\n".encode()
    (judged,) = preview(Stream(body=body), default_zone="UTC", now=TODAY).events
    assert [(it.rule, it.sentence) for it in judged.rules][1:] == [(RULE, SENTENCE)]
    calendar.shows(GOOD)
    assert calendar.day() == BUSY
    assert (calendar.reasons(), calendar.told()) == ([], None)
    assert SENTENCE not in calendar.diagnosis()


@pytest.mark.parametrize(
    "part",
    [
        "BEGIN:VEVENT\r\nUID:open\r\nDTSTART:20270101T090000Z\r\n",
        "BEGIN:VAVAILABILITY\r\nUID:av\r\nBEGIN:AVAILABLE\r\nUID:b\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\n",
        "BEGIN:VFREEBUSY\r\nUID:fb\r\nFREEBUSY:20270101T090000Z\r\nFREEBUSY:soon/later\r\nEND:VFREEBUSY\r\n",
        "BEGIN:VEVENT\r\nUID:r\r\nDTSTART:20200101T090000Z\r\nRDATE:20200102T090000Z,whenever\r\nEND:VEVENT\r\n",
        "BEGIN:VEVENT\r\nUID:o\r\nDTSTART:20200101T090000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:o\r\nRECURRENCE-ID:20200102T090000Z\r\nDTSTART:whenever\r\nEND:VEVENT\r\n",
        "BEGIN:VEVENT\r\nUID:n\r\nSUMMARY:No start\r\nEND:VEVENT\r\n",
    ],
)
def test_whatever_is_left_out_makes_time_unknown_as_long_as_it_is_there(
    calendar: Calendar, part: str
) -> None:
    calendar.shows(GOOD, part)
    assert calendar.day() == UNKNOWN
    later = GOOD.replace("UID:good", "UID:later").replace(
        f"{DAY:%Y%m%d}", f"{DAY + timedelta(days=3):%Y%m%d}"
    )
    calendar.shows(GOOD, later, part)
    assert calendar.day() == UNKNOWN
    calendar.shows(GOOD, later)
    assert calendar.day() == BUSY


def test_the_older_of_two_versions_blocks_where_the_newer_one_cannot_be_read(calendar: Calendar) -> None:
    newer = "BEGIN:VEVENT\r\nUID:good\r\nSEQUENCE:3\r\nDTSTART:tomorrow\r\nEND:VEVENT\r\n"
    for parts in ((GOOD, newer), (newer, GOOD)):
        calendar.shows(*parts)
        assert calendar.day() == UNKNOWN


def test_what_takes_no_time_leaves_none_unknown(calendar: Calendar) -> None:
    calendar.shows(GOOD, BAD.format("STATUS:CANCELLED\r\n"))
    assert calendar.day() == BUSY
    calendar.shows(GOOD, BAD.format("TRANSP:TRANSPARENT\r\n"))
    assert calendar.day() == BUSY
    with calendar.database.write() as connection:
        changes = subscriptions.Changes(busy="all")
        subscriptions.change(connection, KEYRING, calendar.number, changes, actor=SYSTEM)
    assert calendar.day() == UNKNOWN


def test_what_is_shown_free_and_read_in_part_counts_where_everything_blocks(calendar: Calendar) -> None:
    part = "BEGIN:VEVENT\r\nUID:p\r\nDTSTART:20260101T090000Z\r\nRDATE:whenever\r\n{}END:VEVENT\r\n"
    calendar.shows(GOOD, part.format("STATUS:CANCELLED\r\n"))
    assert calendar.day() == BUSY
    calendar.shows(GOOD, part.format("TRANSP:TRANSPARENT\r\n"))
    assert calendar.day() == BUSY
    with calendar.database.write() as connection:
        changes = subscriptions.Changes(busy="all")
        subscriptions.change(connection, KEYRING, calendar.number, changes, actor=SYSTEM)
    assert calendar.day() == UNKNOWN


@pytest.mark.parametrize("start", ["18500101T090000Z", "22500101T090000Z"])
def test_what_is_over_or_far_ahead_leaves_the_present_known(calendar: Calendar, start: str) -> None:
    calendar.shows(GOOD, BAD.format("").replace("NaNNaNNaN", start))
    assert calendar.day() == BUSY


def test_an_earlier_state_that_was_read_is_known_again(calendar: Calendar) -> None:
    calendar.shows(GOOD)
    calendar.shows(GOOD, GOOD.replace("UID:good", "UID:other"), BAD.format(""))
    assert calendar.day() == UNKNOWN
    with calendar.database.write() as connection:
        past = history.list_generations(connection, calendar.number, actor=SYSTEM)[-1]
        history.roll_back(
            connection,
            calendar.number,
            past.id,
            view(connection, Config()),
            actor=SYSTEM,
            followers=FOLLOWERS,
        )
    assert calendar.day() == BUSY


def test_events_that_outlast_their_subscription_leave_as_much_unknown(calendar: Calendar) -> None:
    calendar.shows(GOOD, BAD.format(""))
    with calendar.database.write() as connection:
        subscriptions.remove(connection, calendar.number, events="keep", actor=SYSTEM)
    assert calendar.day() == UNKNOWN


def test_gaps_are_joined_and_come_back_from_where_they_are_stored() -> None:
    far = Gap(start=7_000_000_000)
    assert merged([Gap(start=5, end=9), Gap(start=1, end=5), far]) == (Gap(start=1, end=9), far)
    assert merged([ALWAYS, far, Gap(shown_free=True)]) == (ALWAYS, Gap(shown_free=True))
    assert len(merged(Gap(start=it * 10, end=it * 10 + 1) for it in range(500))) == 1
    assert dumps([]) is None
    assert loads(None, everything_blocks=True) == ()
    stored = dumps([far, Gap(start=1, end=2, shown_free=True)])
    assert loads(stored, everything_blocks=False) == (far,)
    assert loads(stored, everything_blocks=True) == (far, Gap(start=1, end=2, shown_free=True))
    assert Gap(start=5).within(0, 9) == (5, 9)
    assert Gap(start=5, end=7).within(7, 9) is None
