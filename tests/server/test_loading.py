# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process loads before it does its work: the modules of each command, of the server, and of its workers.

Modules are counted, not seconds: the count is the same on every machine. Each bound leaves room for about a tenth more
than what is loaded today. A bound that is exceeded asks whether the new module could be loaded later.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from server.cli import COMMANDS, main
from tests.server import fixtures
from tests.server.client import basic
from tests.server.running import Running

database = fixtures.sqlite_alone
ROOT = Path(__file__).parents[2]

IMPORTER = {
    "httpx",
    "httpcore",
    "h2",
    "icalendar",
    "importer.loop",
    "importer.confined.pool",
    "worker.process",
}
API = {"flask", "werkzeug", "pydantic", "server.api", "server.pages", "server.plain", "babel", "segno"}
WORKERS = {"radicale", "granian", "server.wsgi", "storage_plugin", "auth_plugin"}
NEVER = {"alembic", "mako", "rich", "pytest"}
"""Loaded when a schema is upgraded or a table is drawn, and by no import."""

BOUNDS: dict[str, tuple[int, set[str]]] = {
    "server.cli": (140, IMPORTER | API | WORKERS | {"sqlalchemy", "cryptography", "scheduling"}),
    "server.settings": (
        510,
        IMPORTER | API | WORKERS | {"scheduling.snapshot", "scheduling.calendars.catch_up"},
    ),
    "server.serving": (510, IMPORTER | API | WORKERS | {"scheduling.snapshot"}),
    "server.wsgi": (700, IMPORTER | API | {"granian"}),
}
"""Most modules, and modules that must not be among them, by what is imported."""
MOST_OF_A_COMMAND = 650
MOST_OF_A_FIRST_ANSWER = 800
FIRST_ANSWERS = """
import io, sys
from server.wsgi import from_environment

application = from_environment()
for asked in ("GET /healthz", "GET /readyz", "PROPFIND /dav/anna/", "REPORT /dav/anna/jobs/"):
    method, path = asked.split()
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "5232", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "CONTENT_LENGTH": "0",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "HTTP_DEPTH": "0",
        "HTTP_AUTHORIZATION": sys.argv[1],
    }
    answers = []
    b"".join(application(environ, lambda status, headers, *_: answers.append(status)))
    print(answers[0][:3])
print(*sys.modules)
"""
FETCHES = {"importer", "worker"}
"""Commands that are the worker; all others load its HTTP client and readers when they fetch something."""


@cache
def loaded(module: str) -> frozenset[str]:
    """The modules that are there once a fresh process has imported this one."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return frozenset(done.stdout.split())


def run(*arguments: str) -> tuple[str, frozenset[str]]:
    """What a command prints, and the modules that are there when it ends."""
    code = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
        f"sys.argv[1:] = {list(arguments)!r};"
        "from server.cli import main; main(prog_name='daysheet')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout, frozenset(done.stderr.split())


@pytest.mark.parametrize("module", BOUNDS)
def test_a_process_loads_no_more_than_it_needs(module: str) -> None:
    most, never = BOUNDS[module]
    found = loaded(module)
    assert module in found
    assert found & (never | NEVER) == set()
    assert len(found) <= most


@pytest.mark.usefixtures("people")
def test_the_first_answers_load_no_web_framework(running: Running) -> None:
    """A server of calendars answers a health check and a calendar app before it has loaded API, pages and importer."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FIRST_ANSWERS, basic("anna", running.password("anna"))],
        cwd=ROOT,
        env={**os.environ, "DAYSHEET_CONFIG": str(running.settings.source)},
        capture_output=True,
        text=True,
        check=True,
    )
    *statuses, modules = done.stdout.splitlines()
    assert statuses == ["200", "200", "207", "400"]
    found = frozenset(modules.split())
    assert found & (IMPORTER | API | NEVER) == set()
    assert len(found) <= MOST_OF_A_FIRST_ANSWER


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_what_they_print(option: str) -> None:
    printed, found = run(option)
    assert printed
    assert {it for it in found if it.partition(".")[0] in ("scheduling", "importer", "sqlalchemy")} == set()
    assert {it for it in found if it.startswith("server.cli.")} == {
        "server.cli.terminal",
        "server.cli.terminal.manual",
    }
    assert len(found) <= 200


@pytest.mark.parametrize("name", [name for commands in COMMANDS.values() for name in commands])
def test_a_command_loads_what_it_uses(name: str) -> None:
    place = main.deferred[name].module
    found = loaded(place)
    apart = API | WORKERS | NEVER | IMPORTER
    if name in FETCHES:
        # httpx loads rich where it is installed.
        apart -= IMPORTER | {"rich"}
    assert found & apart == set()
    assert name in FETCHES or len(found) <= MOST_OF_A_COMMAND
    others = {it.module for it in main.deferred.values()} - {place}
    assert found & others == set()


def test_lists_say_what_the_commands_say_of_themselves() -> None:
    context = click.Context(main, info_name="daysheet")
    for name, place in main.deferred.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str(120) == place.summary
