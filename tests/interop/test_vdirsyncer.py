# SPDX-License-Identifier: GPL-3.0-or-later
"""vdirsyncer: discover, synchronise, and have nothing to do the second time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.running import Running, granian

database = fixtures.sqlite_alone
CONFIG = """
[general]
status_path = "{folder}/status/"
[pair schedule]
a = "server"
b = "here"
collections = ["from a"]
metadata = ["displayname", "color"]
conflict_resolution = "a wins"
[storage server]
type = "caldav"
url = "{url}/"
username = "anna"
password = "{password}"
read_only = true
[storage here]
type = "filesystem"
path = "{folder}/calendars/"
fileext = ".ics"
"""
Sync = Callable[..., str]


@pytest.fixture
def vdirsyncer(
    running: Running, people: dict[str, int], dispatch: Dispatch, tmp_path: Path
) -> Iterator[Sync]:
    """Run vdirsyncer with arguments against a server with two jobs of anna's; returns what it said."""
    for _ in range(2):
        dispatch.job(people["anna"])
    dispatch.blocker(people["anna"], title="Weekly", rrule="FREQ=WEEKLY")
    with granian(running, tmp_path / "granian.log") as url:
        config = tmp_path / "vdirsyncer.ini"
        config.write_text(
            CONFIG.format(folder=tmp_path, url=url, password=running.password("anna")), encoding="utf-8"
        )

        def run(*arguments: str) -> str:
            program = Path(sys.executable).with_name("vdirsyncer")
            done = subprocess.run(  # noqa: S603 (our own command)
                [program, "-c", config, "-v", "INFO", *arguments],
                capture_output=True,
                text=True,
                timeout=100,
                input="y\n" * 10,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout + done.stderr

        yield run


def files(folder: Path) -> dict[str, bytes]:
    return {str(it.relative_to(folder)): it.read_bytes() for it in (folder / "calendars").rglob("*.ics")}


def test_the_second_time_there_is_nothing_to_do(vdirsyncer: Sync, dispatch: Dispatch, tmp_path: Path) -> None:
    vdirsyncer("discover")
    assert "Copying (uploading) item" in vdirsyncer("sync")
    held = files(tmp_path)
    assert sorted(name.split("/")[1] for name in held) == ["blockers", "jobs", "jobs"]
    again = vdirsyncer("sync")
    assert not any(word in again for word in ("Copying", "Deleting", "rror", "arning")), again
    assert files(tmp_path) == held
    vdirsyncer("metasync")
    assert (tmp_path / "calendars" / "jobs" / "displayname").read_text(encoding="utf-8") == "Jobs"
    dispatch.delete("jobs", 1)
    dispatch.update("jobs", 2, organisation="Other")
    vdirsyncer("sync")
    changed = files(tmp_path)
    assert len(changed) == 2
    assert any(b"Other" in text for text in changed.values())


FEED = """
[general]
status_path = "{folder}/status/"
[pair feed]
a = "server"
b = "here"
collections = null
conflict_resolution = "a wins"
[storage server]
type = "http"
url = "{url}"
[storage here]
type = "filesystem"
path = "{folder}/feed/"
fileext = ".ics"
"""


def test_every_event_of_a_feed_is_kept(
    running: Running, people: dict[str, int], dispatch: Dispatch, tmp_path: Path
) -> None:
    for _ in range(3):
        dispatch.job(people["anna"])
    _, token = running.feed("anna")
    (tmp_path / "feed").mkdir()
    program = Path(sys.executable).with_name("vdirsyncer")
    config = tmp_path / "vdirsyncer.ini"
    with granian(running, tmp_path / "granian.log") as url:
        config.write_text(FEED.format(folder=tmp_path, url=f"{url}/feeds/{token}.ics"), encoding="utf-8")
        for command in ("discover", "sync"):
            subprocess.run([program, "-c", config, command], check=True, capture_output=True, timeout=60)  # noqa: S603
    assert len(list((tmp_path / "feed").glob("*.ics"))) == 3
