# SPDX-License-Identifier: GPL-3.0-or-later
"""One course of a soak: server, worker, outside calendars, a dispatch application, clients, an attacker, and kills."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.schedules.dispatch import Dispatch, connected
from benchmarks.servers import daysheet, process
from benchmarks.soak.attacker import Attacker
from benchmarks.soak.polls import Client, Found, Login
from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.database import schema
from scheduling.feeds import feeds
from scheduling.subscriptions import subscriptions
from server.settings import Settings, load

_ATTACKER = "mallory"
_JOBS_AT_FIRST = 200
_FEED_EVENTS = 50
_LOOK = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How much of everything: people, clients, seconds between two requests of a client, jobs written a second, mean
    seconds between two kills.
    """

    seconds: float
    people: int = 20
    clients: int = 40
    pause: float = 1.0
    rate: float = 2.0
    kill_every: float = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """The result of the course. `memory` is the resident octets of all processes together, sampled every two
    seconds.
    """

    found: Found
    attacks: Mapping[str, int]
    kills: int
    written: int
    longest_write: float
    memory: Sequence[int]


def run(folder: Path, url: str, plan: Plan) -> Course:
    """One course over the empty database at `url`, a SQLite path or a libpq URL."""
    feed_port = process.free_port()
    environment = {
        **daysheet.environment(folder, url),
        "DAYSHEET_IMPORTER_ALLOW_HTTP": "yes",
        "DAYSHEET_IMPORTER_ALLOW_HOSTS": "127.0.0.1",
        "DAYSHEET_IMPORTER_INTERVAL": "60s",
    }
    settings = load(None, environment)
    schema.upgrade(settings.database())
    names = [f"user{number}" for number in range(1, plan.people + 1)]
    logins = {
        name: _add(settings, name, feed_port, number) for number, name in enumerate([*names, _ATTACKER])
    }
    with ExitStack() as stack:
        writer = Dispatch(stack.enter_context(connected(url)), url)
        for number in range(plan.people * _JOBS_AT_FIRST // 10):
            writer.job(f"first-{number}", names[number % len(names)], number)
        settings.database().dispose()
        stack.enter_context(_feeds(folder, feed_port))
        served = stack.enter_context(daysheet.serving(environment, folder / "output", "--workers", "2"))
        stack.enter_context(_worker(folder, environment))
        return asyncio.run(_course(plan, served, logins, writer, names))


def _add(settings: Settings, name: str, feed_port: int, number: int) -> Login:
    with settings.database().write() as connection:
        user = users.create(connection, username=name, actor=SYSTEM)
        keyring = settings.keyring()
        _, password = credentials.create_app_password(connection, keyring, user.id, "soak", actor=SYSTEM)
        _, token = feeds.create(connection, keyring, user.id, "soak", actor=SYSTEM)
        url = f"http://127.0.0.1:{feed_port}/{number}"
        subscriptions.add(connection, keyring, user.id, url, "Private", actor=SYSTEM)
    return Login(username=name, password=password, feed=f"/feeds/{token}.ics")


@contextmanager
def _feeds(folder: Path, port: int) -> Iterator[None]:
    """Outside calendars whose time stamps differ each time, as those of large providers do."""
    command = (sys.executable, "-m", "benchmarks.servers.feed_server", str(port), str(_FEED_EVENTS), "churn")
    with process.Server(command, port=port, environment=daysheet.inherited(), output=folder / "feeds-output"):
        yield


@contextmanager
def _worker(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    with (folder / "worker-output").open("ab") as log:
        worker = subprocess.Popen(  # noqa: S603
            daysheet.command("worker"), env={**daysheet.inherited(), **environment}, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


async def _course(
    plan: Plan, served: process.Server, logins: Mapping[str, Login], writer: Dispatch, names: Sequence[str]
) -> Course:
    end = time.monotonic() + plan.seconds

    def is_over() -> bool:
        return time.monotonic() >= end

    found, kills, memory = Found(), [0], [process.all_resident_bytes(served.pid)]
    writes: list[float] = []
    attacker = Attacker(served.port, logins[_ATTACKER])
    clients = [
        Client(
            served.port, logins[names[number % len(names)]], ("jobs", "time-off")[number % 2], found, number
        )
        for number in range(plan.clients)
    ]
    await asyncio.gather(
        *(client.run(plan.pause, is_over) for client in clients),
        attacker.run(is_over),
        _write(plan, writer, names, writes, is_over),
        _kill(plan, served, kills, is_over),
        _look(served, memory, is_over),
    )
    return Course(
        found=found,
        attacks=dict(attacker.answered),
        kills=kills[0],
        written=len(writes),
        longest_write=max(writes, default=0.0),
        memory=memory,
    )


async def _write(
    plan: Plan, writer: Dispatch, names: Sequence[str], writes: list[float], is_over: Callable[[], bool]
) -> None:
    number = 0
    while not is_over():
        number += 1
        name = names[number % len(names)]
        writes.append(await asyncio.to_thread(writer.job, f"soak-{number}", name, number, f"Bell {number}"))
        await asyncio.sleep(1 / plan.rate)


async def _kill(plan: Plan, served: process.Server, kills: list[int], is_over: Callable[[], bool]) -> None:
    """Kill one of the server's workers now and then, even during work."""
    rng = random.Random(1)  # noqa: S311
    due = time.monotonic() + plan.kill_every
    while not is_over():
        await asyncio.sleep(0.2)
        workers = process.children(served.pid)
        if workers and time.monotonic() >= due:
            due += rng.uniform(0.5, 1.5) * plan.kill_every
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
                kills[0] += 1


async def _look(served: process.Server, memory: list[int], is_over: Callable[[], bool]) -> None:
    while not is_over():
        await asyncio.sleep(_LOOK)
        memory.append(process.all_resident_bytes(served.pid))
