# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale as a peer: as it comes from PyPI, with its own storage, one file per object, and its own server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.schedules.schedule import SLUG, USER
from benchmarks.servers import process
from benchmarks.servers.peers import OTHER_CALENDARS, RADICALE, Peer

_PASSWORD = "bench-password"  # noqa: S105
_CONFIG = """\
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
[rights]
type = owner_only
[storage]
filesystem_folder = {folder}/storage
[web]
type = none
[logging]
level = warning
"""


@contextmanager
def running(folder: Path, files: Iterable[tuple[str, str]]) -> Iterator[Peer]:
    """A server whose calendar holds `files`, names and texts."""
    home = folder / "storage" / "collection-root" / USER
    for slug in (SLUG, *OTHER_CALENDARS):
        (home / slug).mkdir(parents=True)
        properties = {"tag": "VCALENDAR", "D:displayname": slug}
        (home / slug / ".Radicale.props").write_text(json.dumps(properties), encoding="utf-8")
    for name, text in files:
        (home / SLUG / name).write_bytes(text.encode())
    (folder / "users").write_text(f"{USER}:{_PASSWORD}\n", encoding="utf-8")
    port = process.free_port()
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder), encoding="utf-8")
    with process.Server(
        (sys.executable, "-m", "radicale", "--config", str(folder / "config")),
        port=port,
        environment=os.environ,
        output=folder / "output",
    ) as server:
        yield Peer(name=RADICALE, server=server, home=f"/{USER}/", password=_PASSWORD)
