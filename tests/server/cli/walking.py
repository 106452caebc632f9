# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the program, run as a shell runs it: its own process, exit code, output and errors.

Loading the program takes far longer than most commands do, so it is loaded once here (`python -m`), and each command
runs in a fork.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import click

from server.cli import main

ROOT = Path(__file__).parents[3]
LONGEST = 30
"""Seconds after which a command is ended."""
_PR_CAPBSET_DROP, _BEYOND_PERMISSIONS = 24, (1, 2)  # prctl(2); CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
_GIVEN: Mapping[tuple[str, str], Sequence[str]] = {
    ("", "username"): ["anna"],
    ("", "usernames"): ["anna"],
    ("", "url"): ["https://calendar.example.com/a.ics"],
    ("", "start"): ["2026-12-01"],
    ("", "end"): ["2026-12-02"],
    ("", "at"): ["2026-12-01T10:00"],
    ("", "length"): ["60"],
    ("", "label"): ["Phone"],
    ("user role", "role"): ["member"],
    ("", "permissions"): ["schedule.read_all"],
    ("settings", "name"): ["calendars.history_months"],
    ("settings", "value"): ["3"],
    ("role", "name"): ["planner"],
    ("subscription preview", "source"): ["https://calendar.example.com/a.ics"],
}
"""What to write for a parameter, by the beginning of its command and its name."""
_MORE: Mapping[str, Sequence[str]] = {
    "worker": ["--once"],
    "importer": ["--once"],
    "demo": ["--users", "1", "--jobs", "1"],
    "feed update": ["--label", "Phone"],
    "subscription change": ["--label", "Private"],
    "subscription preview": ["--user", "anna"],
    "webhook add": ["--event", "job.changed"],
    "webhook change": ["--label", "Other"],
    "role set": ["--description", "x"],
    "user password": ["--password-stdin"],
}
"""Options without which a command would have nothing to do, or never end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a command ended; `code` is None where it had to be ended."""

    command: str
    code: int | None
    stdout: str
    stderr: str


def commands(files: Mapping[str, Path]) -> dict[str, list[str]]:
    """Every command there is, with arguments that it takes; `files` has the path for a command's FILE."""
    return {name: [*name.split(), *_arguments(name, command, files)] for name, command in _walk()}


def run(
    cases: Mapping[str, Sequence[str]], folder: Path, environment: Mapping[str, str], *, mortal: bool = True
) -> list[Ended]:
    """Run the commands in `folder`; as a mortal, permissions of files count for root too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYSHEET_")}
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", "tests.server.cli.walking", str(folder)],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        input=json.dumps(dict(cases)),
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_give_up_power if mortal else None,
    )
    return [Ended(**it) for it in json.loads(done.stdout)]


def _walk() -> Iterator[tuple[str, click.Command]]:
    def below(group: click.Group, context: click.Context, path: str) -> Iterator[tuple[str, click.Command]]:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from below(command, click.Context(command, parent=context), f"{path}{name} ")
            else:
                yield f"{path}{name}", command

    return below(main, click.Context(main), "")


def _arguments(name: str, command: click.Command, files: Mapping[str, Path]) -> Iterator[str]:
    for it in command.params:
        if isinstance(it, click.Argument):
            yield from _value(name, it, files)
        elif it.required:
            yield it.opts[0]
            yield from _value(name, it, files)
    yield from _MORE.get(name, ())


def _value(name: str, it: click.Parameter, files: Mapping[str, Path]) -> Sequence[str]:
    assert it.name is not None
    found = [
        given for (of, parameter), given in _GIVEN.items() if name.startswith(of) and parameter == it.name
    ]
    if found:
        return found[-1]
    if isinstance(it.type, click.Path):
        return [str(files[name])]
    if isinstance(it.type, click.Choice):
        return [str(it.type.choices[0])]
    if it.type is click.INT:
        return ["1"]
    assert not it.required, f"say in _GIVEN what to write for {it.name} of {name}"
    return []


def _give_up_power() -> None:
    if os.getuid() == 0:
        library = ctypes.CDLL(None)
        for capability in _BEYOND_PERMISSIONS:
            library.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _fork(arguments: list[str], files: Sequence[IO[Any]]) -> int | None:
    pid = os.fork()
    if not pid:
        signal.alarm(LONGEST)
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        try:
            main(arguments, prog_name="daysheet")
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        finally:
            os._exit(70)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else None


def _all() -> None:
    cases: dict[str, list[str]] = json.load(sys.stdin)
    os.chdir(sys.argv[1])
    list(_walk())  # loads every command
    found = []
    for command, arguments in cases.items():
        with TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as errors:
            given.write(b"correct horse battery staple\n")
            given.seek(0)
            code = _fork(arguments, (given, output, errors))
            output.seek(0)
            errors.seek(0)
            told, wrong = output.read().decode(), errors.read().decode()
        found.append(asdict(Ended(command=command, code=code, stdout=told, stderr=wrong)))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _all()
