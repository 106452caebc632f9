# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process loads before it does its work: the modules of each command, of the server, and of its workers.

Modules are counted, not seconds: the count is the same on every machine. Each bound leaves room for about a tenth more
than what is loaded today. A bound that is exceeded asks whether the new module could be loaded later.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from server.cli import COMMANDS, main

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
