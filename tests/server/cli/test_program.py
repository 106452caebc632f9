# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as a shell sees it: exit codes, and one sentence for what went wrong."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from server.cli.terminal.manual import Program

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

ROOT = Path(__file__).parents[3]


def shell(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYSHEET_")}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "server.cli", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_day_in_the_shell(tmp_path: Path) -> None:
    made = shell(tmp_path, "demo", "--users", "2", "--jobs", "3", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    assert len(json.loads(made.stdout)["users"]) == 2
    assert (tmp_path / "var" / "daysheet.key").stat().st_mode & 0o777 == 0o600
    assert shell(tmp_path, "doctor").returncode == 0
    refused = shell(tmp_path, "user", "disable", "nobody")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "There is no user 'nobody'; `daysheet user list` shows them.\n"


def test_the_help_reads_like_a_manual_page(tmp_path: Path) -> None:
    shown = shell(tmp_path, "--help")
    assert shown.returncode == 0
    for heading in ("Running:", "Operation:", "Examples:", "Environment:", "Exit codes:"):
        assert f"\n{heading}\n" in shown.stdout
    assert shell(tmp_path, "--version").stdout.startswith("daysheet ")


def test_the_settings_file_is_found_by_option_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "my.ini"
    file.write_text(f"[database]\nurl = sqlite:///{tmp_path}/mine.db\n")
    assert shell(tmp_path, "--config", str(file), "db", "upgrade").returncode == 0
    assert (tmp_path / "mine.db").exists()
    assert shell(tmp_path, "user", "list", DAYSHEET_CONFIG=str(file)).returncode == 0
    assert shell(tmp_path, "user", "list").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("usr",), "No such command 'usr'. Did you mean 'user'? See `daysheet --help`."),
        (("user", "add"), "Missing argument 'USERNAME'. See `daysheet user add --help`."),
        (
            ("feed", "show", "x"),
            "Invalid value for 'ID': 'x' is not a valid integer. See `daysheet feed show --help`.",
        ),
        (("user", "list", "--jsn"), "No such option '--jsn'."),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    daysheet: Daysheet, arguments: tuple[str, ...], told: str
) -> None:
    assert told in daysheet.refusal(*arguments, expect=2)


def test_bad_settings_are_one_sentence(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no such file" in daysheet.refusal("--config", "none.ini", "user", "list")
    monkeypatch.setenv("DAYSHEET_SERVER_PORT", "many")
    assert "DAYSHEET_SERVER_PORT" in daysheet.refusal("user", "list")


def failing(error: BaseException) -> Program:
    """A program with the one command `fail`."""

    @click.command()
    def fail() -> None:
        raise error

    program = Program(
        "daysheet", params=[click.Option(["--debug"], is_flag=True)], callback=lambda debug: debug
    )
    program.add_command(fail)
    return program


def test_an_unforeseen_error_is_named_but_not_quoted() -> None:
    result = CliRunner().invoke(failing(ValueError("hunter2")), ["fail"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Unexpected ValueError;")
    assert "hunter2" not in result.output
    shown = CliRunner().invoke(failing(ValueError("hunter2")), ["--debug", "fail"])
    assert isinstance(shown.exception, ValueError)


def test_an_interrupt_is_exit_code_130() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert result.exit_code == 130
    assert result.stderr.strip() == "Interrupted."


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    refused = shell(tmp_path, "--debug", "user", "list")
    assert refused.returncode == 1
    assert "Traceback" in refused.stderr
    assert "DatabaseUnavailable" in refused.stderr


def test_no_log_line_stands_between_what_a_command_prints(tmp_path: Path) -> None:
    assert shell(tmp_path, "demo", "--users", "1", "--jobs", "1").returncode == 0
    with closing(sqlite3.connect(tmp_path / "var" / "daysheet.db")) as writer, writer:
        writer.execute("UPDATE blockers SET rrule = 'FREQ=SOMETIMES'")
    asked = ("availability", "show", "anna", "--start", "2026-12-01", "--end", "2026-12-02")
    for command in (asked, ("db", "maintain"), ("worker", "--once"), ("importer", "--once"), ("doctor",)):
        done = shell(tmp_path, *command)
        assert (done.returncode, done.stderr) == (0, ""), command
    shutil.copytree(tmp_path / "var", tmp_path / "again" / "var")
    with closing(sqlite3.connect(tmp_path / "again" / "var" / "daysheet.db")) as writer, writer:
        writer.execute("UPDATE blockers SET rrule = 'FREQ=NEVER'")
    assert "left out" in shell(tmp_path / "again", "--debug", *asked).stderr, "there is something to log"
