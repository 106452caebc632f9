# SPDX-License-Identifier: GPL-3.0-or-later
"""Xandikos as a peer: as it comes from PyPI, one Git repository per calendar, and its own server.

It has no login of its own over plain HTTP, so it checks no password here. `--eager` builds the indexes at start that it
would otherwise build after five queries of a kind.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dulwich.index import index_entry_from_stat
from dulwich.objects import Blob, ObjectID, ShaFile
from dulwich.repo import Repo

from benchmarks.schedules.schedule import SLUG, USER
from benchmarks.servers import process
from benchmarks.servers.peers import OTHER_CALENDARS, XANDIKOS, Peer

_AUTHOR = b"Benchmark <bench@example.com>"


@contextmanager
def running(folder: Path, files: Iterable[tuple[str, str]]) -> Iterator[Peer]:
    """A server whose calendar holds `files`, names and texts."""
    folder.mkdir(parents=True, exist_ok=True)
    port = process.free_port()
    server = process.Server(
        (
            *(sys.executable, "-m", "xandikos", "serve", "--directory", str(folder / "data")),
            *("--state-dir", str(folder / "state"), "--no-detect-systemd"),
            *("--current-user-principal", f"/{USER}/", "--autocreate", "--eager"),
            *("--listen-address", "127.0.0.1", "--port", str(port)),
        ),
        port=port,
        environment=os.environ,
        output=folder / "output",
    )
    (folder / "data").mkdir()
    home = f"/{USER}/calendars/"
    with server:
        for slug in (SLUG, *OTHER_CALENDARS):
            _make_calendar(port, f"{home}{slug}/")
        _fill(folder / "data" / USER / "calendars" / SLUG, files)
        server.restart()
        yield Peer(name=XANDIKOS, server=server, home=home)


def _make_calendar(port: int, path: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("MKCALENDAR", path)
        status = connection.getresponse().status
    if status != 201:
        raise RuntimeError(f"Xandikos answered {status} to MKCALENDAR {path}")


def _fill(calendar: Path, files: Iterable[tuple[str, str]]) -> None:
    """What a commit of each file by itself would leave, in one: the files, the objects in a pack, the index."""
    with closing(Repo(str(calendar))) as repository:
        index = repository.open_index()
        blobs: list[tuple[ShaFile, str | None]] = []
        for name, text in files:
            blob = Blob.from_string(text.encode())
            (calendar / name).write_bytes(blob.data)
            index[name.encode()] = index_entry_from_stat((calendar / name).stat(), blob.id)
            blobs.append((blob, name))
        if not blobs:
            return
        repository.object_store.add_objects(blobs)
        index.write()
        tree: ObjectID = index.commit(repository.object_store)
        repository.get_worktree().commit(
            message=b"Load the schedule", tree=tree, author=_AUTHOR, committer=_AUTHOR
        )
