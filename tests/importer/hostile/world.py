# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation whose importer is a process of its own, calendars that are attacked and others that are not, and what
the database says of them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import bindparam, text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.availability.busy_time import of_user
from scheduling.calendars import objects
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.credentials import Credentials
from tests.importer.certificates import certificate
from tests.importer.hostile.attacks import HERE, INSIDE, PORT, Attack, contents, served, transport
from tests.importer.hostile.contents import calendar, slot
from tests.importer.hostile.server import Part, Servers, Visitor
from tests.server.running import KEY, ROOT, ini

SECRET = "S3CRET-Kz83hQ"
GOOD = 6
_DAEMON = """
import json, os, pathlib, socket, sys, time
import certifi
real, names = socket.getaddrinfo, pathlib.Path(os.environ["HOSTILE_NAMES"])
def getaddrinfo(host, port, *rest, **named):
    if rest and not host.startswith("127.") and host != "::1":
        host = os.environ["HOSTILE_INSIDE"]  # who connects to anywhere else, were it not refused, only gets there
    if not host.endswith(".test"):
        return real(host, port, *rest, **named)
    found = json.loads(names.read_text()).get(host, [os.environ["HOSTILE_HERE"]])
    if found is None:
        time.sleep(20)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return [(socket.AF_INET6 if ":" in it else socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in found]
socket.getaddrinfo, certifi.where = getaddrinfo, lambda: os.environ["HOSTILE_TRUST"]
from server.cli import main
sys.argv = ["daysheet", "importer"]
main()
"""
"""`daysheet importer` on a machine with other names, another trusted authority, and no way out."""
_IMPORTER = {
    "allow_http": "yes", "timeout": "2s", "idle": "1s", "reader_seconds": "2s",
}  # fmt: skip


@dataclass
class Feed:
    """One subscription: attacked, or without an attack well-behaved; the latter shows another state at each request."""

    number: int
    name: str
    attack: Attack | None
    subscription: int = 0
    states: int = 0

    @property
    def path(self) -> str:
        return f"/{self.number}.ics?key={SECRET}"

    @property
    def uid(self) -> str:
        return f"own-{self.number}"

    @property
    def host(self) -> str:
        return f"{re.sub('[^a-z0-9]+', '-', self.name.lower()).strip('-')}-{self.number}.hosts.test"

    def peace(self) -> Part:
        if self.attack is None:
            return self._next_state
        return served(calendar(self.uid, self.number))

    def war(self) -> Part | None:
        """What is played over the protocol."""
        if self.attack is None or self.attack.door.endswith("unasked"):
            return None
        if self.attack.make is None:
            return self.attack.part
        return served(self.attack.make(self.uid, self.number), *self.attack.headers)

    def _next_state(self, it: Visitor) -> None:
        self.states += 1
        served(calendar(self.uid, self.number, f"State {self.states}"))(it)


class Loopback:
    """Addresses of this machine that no other test uses: `here` for servers, and `inside`, where somebody listens whom
    nobody may reach.
    """

    def __init__(self) -> None:
        net = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(256)}"
        self.here, self.inside = f"{net}.10", f"{net}.11"
        self._doors = [socket.create_server((self.inside, port)) for port in (PORT, 8080, 0)]
        with suppress(OSError):
            self._doors.append(socket.create_server(("::1", PORT), family=socket.AF_INET6))
        for door in self._doors:
            door.setblocking(False)

    @property
    def port(self) -> int:
        """Where a proxy is, inside."""
        return int(self._doors[2].getsockname()[1])

    @property
    def touched(self) -> int:
        """How many connections came."""
        found = 0
        for door in self._doors:
            with suppress(BlockingIOError):
                while True:
                    door.accept()[0].close()
                    found += 1
        return found

    def close(self) -> None:
        for door in self._doors:
            door.close()


@dataclass
class World:
    """Everything. `memory` holds the most octets (VmHWM) that the importer and any of its readers ever had."""

    folder: Path
    database: Database
    loopback: Loopback = field(default_factory=Loopback)
    feeds: list[Feed] = field(default_factory=list)
    memory: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.servers = Servers(self.loopback.here)

    @property
    def attacked(self) -> list[Feed]:
        return [feed for feed in self.feeds if feed.attack is not None]

    @property
    def besieged(self) -> list[Feed]:
        """Those whose attack costs the servers less than the importer, so that it can go on and on."""
        return [feed for feed in self.attacked if feed.attack and feed.attack.make is None]

    @property
    def good(self) -> list[Feed]:
        return [feed for feed in self.feeds if feed.attack is None]

    @property
    def log(self) -> str:
        return (self.folder / "importer.log").read_text(errors="replace")

    def subscribe(self) -> None:
        """Open the doors, and subscribe a user to all calendars."""
        trusted = certificate(self.folder, "*.hosts.test")
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(trusted)
        plain, secure, usual = (
            self.servers.listen(),
            self.servers.listen(trust),
            self.servers.listen(port=PORT),
        )
        attacks = transport(self.loopback.here, self.loopback.inside) | contents()
        for name, attack in [*attacks.items(), *((f"good {n}", None) for n in range(GOOD))]:
            self.feeds.append(Feed(len(self.feeds), name, attack))
        with self.database.write() as connection:
            user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
            for feed in self.feeds:
                attack = feed.attack
                by_tls = feed.number % 2 == 0 if attack is None else attack.door.startswith("tls")
                port = secure if by_tls else plain
                if attack is not None and attack.door == "port":
                    port = usual
                elif attack is not None and attack.door != "http":
                    port = self.servers.listen(trust if by_tls else None, attack.part)
                self.servers.peace[feed.path] = feed.peace()
                if part := feed.war():
                    self.servers.war[feed.path] = part
                url = f"http{'s' if by_tls else ''}://{feed.host}:{port}{feed.path}"
                feed.subscription = subscriptions.add(
                    connection, Keyring(KEY), user.id, url, feed.name[:200],
                    credentials=Credentials(kind="basic", name="anna", secret=SECRET) if feed.number % 3 else None,
                    actor=SYSTEM,
                ).id  # fmt: skip

    def make_war(self) -> None:
        names = {
            feed.host: feed.attack.resolves
            for feed in self.attacked
            if feed.attack and feed.attack.resolves != (HERE,)
        }
        self._name({**names, INSIDE: (self.loopback.inside,)})
        self.servers.at_war = True

    def make_peace(self) -> None:
        self.servers.at_war = False
        self._name({})

    def due(self, feeds: list[Feed]) -> None:
        """Make them due, as if their time had come or somebody had resumed them, and forget when they were tried."""
        self._update("next_at = :now, last_attempt_at = NULL, status = 'active' WHERE id IN :ids", feeds)

    def again(self, feeds: list[Feed]) -> None:
        """Make those due once more that have been tried and are not paused."""
        self._update(
            "next_at = :now WHERE next_at > :now AND last_attempt_at IS NOT NULL AND lease IS NULL AND id IN :ids",
            feeds,
        )

    def tried(self, feeds: list[Feed]) -> list[Feed]:
        """Those that have been tried since they were made due."""
        with self.database.read() as connection:
            query = "SELECT id FROM subscriptions WHERE last_attempt_at IS NOT NULL"
            done = set(connection.scalars(text(query)))
        return [feed for feed in feeds if feed.subscription in done]

    def is_quiet(self) -> bool:
        """Whether nothing is due or being worked on."""
        query = "SELECT count(*) FROM subscriptions WHERE lease IS NOT NULL OR next_at <= :now AND status != 'paused'"
        with self.database.read() as connection:
            return connection.scalar(text(query), {"now": int(time.time())}) == 0

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Status and reason of each attacked calendar."""
        with self.database.read() as connection:
            found = {it.id: it for it in subscriptions.list_subscriptions(connection, actor=SYSTEM)}
        return {
            feed.name: (found[feed.subscription].status, found[feed.subscription].reason)
            for feed in self.attacked
        }

    def lost(self) -> list[str]:
        """Events of the time before that are not served any more, or do not block."""
        missing = []
        low, high = slot(0)[0], slot(len(self.feeds))[0]
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            for feed in self.feeds:
                shown = snapshot.calendar("anna", f"external-{feed.subscription}")
                assert shown is not None
                texts = [
                    it.calendar for it in objects.all_objects(snapshot.connection, shown.id, shown.cutoff)
                ]
                for n in range(3):
                    own = [it for it in texts if f"\r\nUID:{feed.uid}-{n}\r\n" in it]
                    if len(own) != 1 or "TRANSP:OPAQUE" not in own[0]:
                        missing.append(f"{feed.name}-{n}")
            busy = [(it.start, it.end) for it in of_user(snapshot, "anna", low, high).of_type("BUSY")]
        return missing if busy == [(low, high)] else [*missing, f"availability {busy}"]

    def shows(self, feed: Feed) -> int:
        """The state of a well-behaved calendar that is served."""
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            shown = snapshot.calendar("anna", f"external-{feed.subscription}")
            assert shown is not None
            texts = [it.calendar for it in objects.all_objects(snapshot.connection, shown.id, shown.cutoff)]
        (state,) = {int(found) for it in texts for found in re.findall(r"SUMMARY:State (\d+)", it)}
        return state

    @contextmanager
    def importing(self) -> Iterator[subprocess.Popen[bytes]]:
        """The importer, in a process of its own, until SIGTERM; its memory is watched."""
        self._name({})
        (self.folder / "daysheet.ini").write_text(
            ini(
                self.database,
                {
                    "importer": {**_IMPORTER, "allow_hosts": self.loopback.here},
                    "server": {"log_level": "debug"},
                },
            )
        )
        (self.folder / ".netrc").write_text(f"default login netrc password {SECRET}\n")
        proxy = f"http://{self.loopback.inside}:{self.loopback.port}"
        environment = {
            **os.environ,
            "DAYSHEET_CONFIG": str(self.folder / "daysheet.ini"),
            "HOSTILE_NAMES": str(self.folder / "names.json"),
            "HOSTILE_TRUST": str(self.folder / "server.pem"),
            "HOSTILE_HERE": self.loopback.here,
            "HOSTILE_INSIDE": self.loopback.inside,
            "HOME": str(self.folder),
            **dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), proxy),
        }
        with (self.folder / "importer.log").open("wb") as log:
            daemon = subprocess.Popen(  # noqa: S603 (our own command)
                [sys.executable, "-c", _DAEMON],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ended = threading.Event()
        watching = threading.Thread(target=self._watch, args=(daemon.pid, ended))
        watching.start()
        try:
            yield daemon
        finally:
            ended.set()
            watching.join()
            daemon.terminate()
            try:
                daemon.wait(30)
            finally:
                daemon.kill()

    def close(self) -> None:
        self.servers.close()
        self.loopback.close()

    def _update(self, change: str, feeds: list[Feed]) -> None:
        statement = text(f"UPDATE subscriptions SET {change}")  # noqa: S608 (our own)
        values = {"now": int(time.time()), "ids": [feed.subscription for feed in feeds]}
        with self.database.write() as connection:
            connection.execute(statement.bindparams(bindparam("ids", expanding=True)), values)

    def _name(self, names: dict[str, tuple[str, ...] | None]) -> None:
        file = self.folder / "names.json"
        file.with_suffix(".new").write_text(json.dumps(names))
        file.with_suffix(".new").replace(file)

    def _watch(self, daemon: int, ended: threading.Event) -> None:
        while not ended.wait(0.02):
            self._measure(daemon, "importer")
            with suppress(OSError):
                children = {
                    int(number)
                    for file in Path(f"/proc/{daemon}/task").glob("*/children")
                    for number in file.read_text().split()
                }
                for child in children:
                    self._measure(child, "reader")

    def _measure(self, process: int, kind: str) -> None:
        with suppress(OSError):
            status = Path(f"/proc/{process}/status").read_text()
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                self.memory[kind] = max(self.memory[kind], int(found[1]) * 1024)
