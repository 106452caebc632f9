# SPDX-License-Identifier: GPL-3.0-or-later
"""Other rules of time zones under a filled database: the next cycle keeps the clock everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zoneinfo
from pathlib import Path

import pytest

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from tests.factories import Dispatch
from tests.importer.conftest import CalendarServer, server

__all__ = ["server"]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
FEED = b"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:single
DTSTART;TZID=Europe/Berlin:20990715T100000
DTEND;TZID=Europe/Berlin:20990715T110000
END:VEVENT
BEGIN:VEVENT
UID:weekly
DTSTART;TZID=Europe/Berlin:20990714T140000
DTEND;TZID=Europe/Berlin:20990714T150000
RRULE:FREQ=DAILY;COUNT=3
END:VEVENT
BEGIN:VEVENT
UID:day
DTSTART;VALUE=DATE:20990717
END:VEVENT
END:VCALENDAR
"""
TURN = """
import dataclasses, json, sys, threading
from importer.config import ImporterConfig
from importer.loop import run
from importer.fetch.addresses import Exemptions
from scheduling.access.secrets import Keyring
from scheduling.availability.answer import answer
from scheduling.availability.people import caught_up
from scheduling.availability.question import Question
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.subscriptions.store import ImportStore

url, key, number = sys.argv[1:]
database = Database(url)
store = ImportStore(database, Config(), Keyring(key), followers=FOLLOWERS)
config = dataclasses.replace(ImporterConfig(), allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]))
run(store, config, once=True, stop=threading.Event(), only=int(number))
with Snapshot(database, Config(), followers=FOLLOWERS) as snapshot:
    people = caught_up(snapshot, ["anna"])
    question = Question(start=4087497600, end=4087497600 + 14 * 86400, max_staleness=86400)
    (found,) = answer(snapshot.connection, people, question, snapshot.now)
    print(json.dumps([[it.start, it.end, it.fbtype] for it in found.periods]))
"""
RULES = Path(next(folder for folder in zoneinfo.TZPATH if Path(folder, "Europe/Berlin").is_file()))


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """Rules by which the clock of Berlin is that of Kyiv, an hour ahead."""
    folder = tmp_path / "zoneinfo"
    shutil.copytree(RULES, folder, symlinks=True, ignore=shutil.ignore_patterns("posix", "right"))
    (folder / "Europe" / "Berlin").unlink()
    shutil.copyfile(RULES / "Europe" / "Athens", folder / "Europe" / "Berlin")
    return folder


def turn(database: Database, number: int, rules: Path) -> list[tuple[int, int, str]]:
    """One cycle of an importer with these rules, and what availability says then."""
    url = database.url.render_as_string(hide_password=False)
    done = subprocess.run(  # noqa: S603 (ourselves)
        [sys.executable, "-c", TURN, url, KEY, str(number)],
        env={**os.environ, "PYTHONTZPATH": str(rules)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(it) for it in json.loads(done.stdout)]


@pytest.mark.parametrize("headers", [{}, {"etag": '"1"'}])
def test_other_rules_correct_imports_blockers_and_whole_days(
    database: Database, dispatch: Dispatch, server: CalendarServer, moved: Path, headers: dict[str, str]
) -> None:
    url = server.says("/a.ics", 200, FEED, **headers)
    with database.write() as connection:
        user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM).id
        number = subscriptions.add(connection, Keyring(KEY), user, url, "Private", actor=SYSTEM).id
    dispatch.blocker(
        user, starts_at="2099-07-13 06:00:00", ends_at="2099-07-13 07:00:00", rrule="FREQ=DAILY;COUNT=1"
    )
    dispatch.time_off(user, starts_at=None, ends_at=None, start_date="2099-07-18", end_date="2099-07-19")
    before = turn(database, number, RULES)
    after = turn(database, number, moved)
    hour = 3600
    fixed = [it for it in before if it in after]
    assert len(before) == len(after) == 7
    assert len(fixed) == 1  # the blocker's start is an instant
    assert [
        (start - hour, end - hour, busy) for start, end, busy in before if (start, end, busy) not in fixed
    ] == [it for it in after if it not in fixed]
    assert turn(database, number, RULES) == before
    assert not any("if-none-match" in sent for _, sent in server.requests)  # each time the rules were others
