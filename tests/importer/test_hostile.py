# SPDX-License-Identifier: GPL-3.0-or-later
"""One importer, as a process of its own, against servers that play every fault and attack of transport and content at
once, beside calendars that behave: nothing is lost, nothing inside is reached, memory stays bounded, others are on
time.

`HOSTILE_ROUNDS=20 make test PYTEST_ARGS="-s tests/importer/test_hostile.py"` attacks more often and prints the memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduling.database.connection import Database
from tests.importer.hostile.world import SECRET, Feed, World

pytestmark = pytest.mark.early
ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", "1"))
IMPORTER_MEMORY, READER_MEMORY = 800_000_000, 400_000_000
"""Octets, far above what is needed; see docs/importing.md for what was measured."""


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, sqlite_database)
    yield made
    made.close()


class Campaign:
    """The course of things. `delays` are the hostile requests that came before the last of the well-behaved calendars
    that became due together was fetched: first with servers that have just turned hostile, then with known ones.
    """

    def __init__(self, world: World, importer: subprocess.Popen[bytes]) -> None:
        self._world = world
        self._importer = importer
        self._again_at = 0.0
        self.delays: list[int] = []

    def until_tried(self, feeds: list[Feed], *, under_fire: bool = False) -> None:
        """Wait for a result of each, as long as the importer lives; `under_fire` the attacks on the transport go on."""
        world = self._world
        self._until(lambda: len(world.tried(feeds)) == len(feeds), under_fire=under_fire)

    def _until(self, done: Callable[[], bool], *, under_fire: bool = False) -> None:
        world = self._world
        deadline = time.monotonic() + 100
        while not done():
            assert self._importer.poll() is None, world.log[-3000:]
            assert time.monotonic() < deadline, world.log[-3000:]
            if under_fire and time.monotonic() > self._again_at:
                world.again(world.besieged)
                self._again_at = time.monotonic() + 0.25
            time.sleep(0.05)

    def attack(self) -> None:
        """Every attack once at least; meanwhile the others are due again and again, and three times at least."""
        world = self._world
        world.due(world.attacked)
        cycles = 0
        while len(world.tried(world.attacked)) < len(world.attacked) or cycles < 3:
            self._refresh()
            cycles += 1
        self._until(world.is_quiet)

    def _refresh(self) -> None:
        world, good = self._world, self._world.good
        before, seen = [feed.states for feed in good], len(world.servers.seen)
        world.due(good)
        self.until_tried(good, under_fire=True)
        assert [feed.states for feed in good] == [it + 1 for it in before]
        assert [world.shows(feed) for feed in good] == [feed.states for feed in good]
        paths = {feed.path for feed in good}
        came = [path in paths for path, _ in world.servers.seen[seen:]]
        self.delays.append(max(n for n, it in enumerate(came) if it) + 1 - len(good))


def wrong(world: World) -> dict[str, tuple[str, str | None]]:
    """Calendars whose status or reason is not what their attack has to lead to."""
    found = world.states()
    return {
        feed.name: found[feed.name]
        for feed in world.attacked
        for attack in [feed.attack]
        if attack and (found[feed.name][0] != attack.status or found[feed.name][1] not in attack.reasons)
    }


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_no_server_does_harm(world: World) -> None:
    world.subscribe()
    with world.importing() as importer:
        campaign = Campaign(world, importer)
        campaign.until_tried(world.feeds)
        assert set(world.states().values()) == {("active", None)}
        assert world.lost() == []
        world.make_war()
        for _ in range(ROUNDS):
            campaign.attack()
        assert wrong(world) == {}
        assert world.lost() == []
        world.make_peace()
        world.due(world.attacked)
        campaign.until_tried(world.attacked)
        assert set(world.states().values()) == {("active", None)}
        assert world.lost() == []
        importer.terminate()
        assert importer.wait(30) == 0
    importer_memory, reader_memory = (world.memory[kind] >> 20 for kind in ("importer", "reader"))
    sys.stderr.write(
        f"\n{len(world.attacked)} attacks, {len(world.servers.seen)} requests; at most {importer_memory} MiB in the "
        f"importer and {reader_memory} MiB in a reader; at most {max(campaign.delays[1:])} hostile requests first\n"
    )
    assert world.loopback.touched == 0
    # Prompt until then, the attackers are in one queue with the others first, and some of them redirect.
    assert campaign.delays[0] <= 2 * len(world.attacked)
    assert max(campaign.delays[1:]) <= len(world.attacked)
    assert world.memory["importer"] < IMPORTER_MEMORY
    assert world.memory["reader"] < READER_MEMORY
    assert "calendar of subscription" in world.log
    assert "Traceback" not in world.log
    assert "importer failed" not in world.log
    assert SECRET not in world.log
    assert all("cookie" not in headers for _, headers in world.servers.seen)
