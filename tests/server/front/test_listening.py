# SPDX-License-Identifier: GPL-3.0-or-later
"""A server says that it serves when it does, and where; two never share a port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from server.front.listening import CannotListen, addresses, listen
from tests.server import fixtures
from tests.server.running import ROOT, Running, Sections, free_port
from tests.server.serving import serving

database = fixtures.sqlite_alone
Configured = Callable[[Sections], Running]


def _refused(running: Running, command: str, *options: str) -> str:
    """What the command says before it ends with exit code 1."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), "DAYSHEET_CONFIG": str(running.settings.source)}
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "server.cli", command, *options],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Serving" not in done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("command", ["serve", "start"])
def test_a_second_server_on_a_port_is_refused(
    configured: Configured, people: dict[str, int], tmp_path: Path, command: str
) -> None:
    with serving(configured({}), tmp_path, "--workers", "2") as served:
        said = _refused(configured({}), command, "--port", str(served.port))
        assert f"127.0.0.1:{served.port} cannot be used: another program uses this port" in said
        said = _refused(configured({}), command, "--host", "0.0.0.0", "--port", str(served.port))  # noqa: S104
        assert "another program uses this port" in said
        assert b"ok" in served.get("/healthz")


def test_a_port_of_another_program_is_refused(configured: Configured, people: dict[str, int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = _refused(configured({}), "serve", "--port", str(other.getsockname()[1]))
    assert "another program uses this port" in said


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "not an address of this machine"),
        ("2001:db8::1", "cannot be used"),
        ("no-such-host.invalid", "the name no-such-host.invalid is not known"),
        ("300.1.1.1", "the name 300.1.1.1 is not known"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(
    configured: Configured, people: dict[str, int], host: str, reason: str
) -> None:
    assert reason in _refused(configured({}), "serve", "--host", host, "--port", str(free_port()))


def test_all_addresses_are_said_as_the_machine_s_own() -> None:
    with listen("0.0.0.0", 0) as listener:  # noqa: S104
        port = listener.getsockname()[1]
        found = addresses(listener)
        assert found[0] == f"127.0.0.1:{port}"
        assert not any(it.startswith("0.0.0.0") for it in found)  # noqa: S104
        for address in found:
            host, _, number = address.rpartition(":")
            socket.create_connection((host, int(number)), timeout=5).close()


def test_a_name_is_listened_on_by_its_address() -> None:
    with listen("localhost", 0) as listener:
        assert addresses(listener)[0].startswith(("127.", "[::1]"))


def test_two_listeners_never_share_a_port() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen, match="another program uses this port"):
            listen("127.0.0.1", port)
