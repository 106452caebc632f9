# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything at once for some seconds: polls, a writer, imports, an attacker, and killed workers; the long form is
`python -m benchmarks.soak`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.servers.peers import POSTGRESQL, SQLITE
from benchmarks.soak import __main__ as soak
from benchmarks.soak.course import Course, Plan, run
from benchmarks.soak.polls import Found
from scheduling.database.connection import Database

pytestmark = pytest.mark.early
PLAN = Plan(seconds=12.0, people=4, clients=12, pause=0.3, kill_every=3.0)


def test_nobody_gets_a_wrong_answer_whatever_happens_at_once(database: Database, tmp_path: Path) -> None:
    is_server = database.url.drivername.startswith("postgresql")
    plain = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    # A browser of other tests leaves an event loop running in this thread, which permits no other.
    with ThreadPoolExecutor(1) as thread:
        course = thread.submit(
            run, tmp_path, plain if is_server else str(database.url.database), PLAN
        ).result()
    assert course.found.wrong == []
    assert len(course.found.seconds) > PLAN.clients
    assert course.kills > 0
    assert course.written > 0
    attacks = {attack.split(":")[0] for attack in course.attacks}
    assert {"slow body", "slow chunks", "large, unknown", "unknown properties", "many filters"} <= attacks
    # Refused each, for what they are, or given up after a while; never served.
    assert {attack.split(": ")[1] for attack in course.attacks} <= {
        *("400", "401", "403", "408", "413", "429", "503", "hung up", "waited")
    }
    text = soak.table({SQLITE: course, POSTGRESQL: course})
    assert text.count(f" {len(course.found.seconds):,} |") == 2


def test_what_is_amiss_is_told() -> None:
    found = Found(seconds=[0.01] * 90 + [0.9] * 10, wrong=["500 to PROPFIND /dav/ann/"])
    course = Course(
        found=found, attacks={}, kills=1, written=1, longest_write=0.1, memory=[2**28] * 50 + [2**29] * 50
    )
    wrong, slow, grown = soak.verdict(course)
    assert wrong == "1 wrong answers: ['500 to PROPFIND /dav/ann/']."
    assert slow == "The slowest hundredth of the requests took 0.90 s."
    assert grown == "Memory grew from 256 to 512 MiB."
    flat = Course(
        found=Found(seconds=[0.01]), attacks={}, kills=0, written=0, longest_write=0.0, memory=[2**28] * 8
    )
    assert soak.verdict(flat) == []
