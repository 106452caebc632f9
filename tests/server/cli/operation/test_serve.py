# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet start`: what it prints is where it is really reached, also the second time and elsewhere."""

from __future__ import annotations

import re
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from scheduling.access import one_time_links
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from tests.server.running import free_port, process


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])  # noqa: S104 (what people type)
def test_the_links_printed_at_each_start_are_reached(tmp_path: Path, host: str) -> None:
    given = {"DAYSHEET_DATABASE_URL": f"sqlite:///{tmp_path}/daysheet.db", "DAYSHEET_SECURITY_KEY_FILE": ""}
    for name in ("first", "second"):
        port, log = free_port(), tmp_path / f"{name}.log"
        command = ["-m", "server.cli", "start", "--host", host, "--port", str(port)]
        with process(command, f"http://127.0.0.1:{port}/healthz", log, given):
            said = log.read_text(encoding="utf-8")
            links = re.findall(r"^ +(?:CalDAV|feed) +(\S+)$", said, re.MULTILINE)
            assert len(links) == 10
            assert {it.partition("/")[2].partition("/")[2].partition("/")[0] for it in links} == {
                f"127.0.0.1:{port}"
            }
            assert f"Serving http://127.0.0.1:{port}/" in said
            doors = re.findall(r"^ +(\w+) \(([a-z]+)\) +http://127.0.0.1:\d+/link/(\w+)$", said, re.MULTILINE)
            assert [role for _, role, _ in doors] == ["admin", "dispatcher", "member"]
            assert [(purpose(tmp_path, token)) for _, _, token in doors] == [
                (username, "sign-in") for username, _, _ in doors
            ]
            assert [whose_page(port, token) for _, _, token in doors] == [
                username for username, _, _ in doors
            ]
            assert "0.0.0.0" not in said  # noqa: S104 (nobody can go there)
            [feed, *_] = [it for it in links if it.endswith(".ics")]
            with urllib.request.urlopen(feed, timeout=30) as answer:  # noqa: S310 (our own URL)
                assert answer.read().startswith(b"BEGIN:VCALENDAR")


def whose_page(port: int, token: str) -> str:
    """Press the button of the link; the username on the account page then."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as browser:
        [action] = re.findall(rf'action="(/link/{token}/[a-z-]+)"', browser.get(f"/link/{token}").text)
        assert browser.post(action, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
        page = browser.get("/account")
    assert page.status_code == 200
    [username] = re.findall(r"Username</dt><dd>([a-z]+)</dd>", page.text)
    return str(username)


def purpose(folder: Path, token: str) -> tuple[str, str]:
    """Whose the link is, and what for."""
    database = Database(f"sqlite:///{folder}/daysheet.db")
    try:
        with database.read() as connection:
            keyring = Keyring((folder / "daysheet.key").read_text())
            found = one_time_links.find(connection, keyring, token, datetime.now(UTC))
    finally:
        database.dispose()
    return found.username, found.purpose.value


def test_an_address_for_people_stands_in_links(tmp_path: Path) -> None:
    given = {
        "DAYSHEET_DATABASE_URL": f"sqlite:///{tmp_path}/daysheet.db",
        "DAYSHEET_SERVER_PUBLIC_URL": "https://calendar.example.com/",
    }
    port, log = free_port(), tmp_path / "start.log"
    command = ["-m", "server.cli", "start", "--port", str(port)]
    with process(command, f"http://127.0.0.1:{port}/healthz", log, given):
        said = log.read_text(encoding="utf-8")
    assert re.search(r"CalDAV +https://calendar\.example\.com/dav/anna/\n", said)
    assert f"Serving https://calendar.example.com/ and http://127.0.0.1:{port}/" in said
