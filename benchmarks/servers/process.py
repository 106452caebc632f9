# SPDX-License-Identifier: GPL-3.0-or-later
"""A server started as a separate process, and the cost of it and its children, read from /proc (proc(5))."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 60.0


class DidNotStart(RuntimeError):
    """The server ended or did not listen in time; the message holds the end of its output."""


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Server:
    """A command that runs until the block ends. It may be restarted in the block. `port` is where it listens."""

    def __init__(
        self, command: Sequence[str], *, port: int, environment: Mapping[str, str], output: Path
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def pid(self) -> int:
        """The started process. With some servers its children serve."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._stop(signal.SIGTERM)

    def kill(self) -> None:
        """End the process for good, even during work."""
        self._stop(signal.SIGKILL)

    def restart(self) -> None:
        """Kill the process, even during work, and start it again. Raises `DidNotStart`."""
        self._stop(signal.SIGKILL)
        self._start()

    def _start(self) -> None:
        with self._output.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, env=self._environment, stdout=log, stderr=log
            )
        try:
            _await(self._process, self.port, self._output)
        except BaseException:
            self._stop(signal.SIGKILL)
            raise

    def _stop(self, how: signal.Signals) -> None:
        assert self._process is not None
        family = _trees([self.pid]) if how is signal.SIGKILL else [self.pid]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time of the process trees under `roots`, ended children included; in steps of 10 ms."""
    # A child that has been waited for is in its parent's cutime and cstime.
    return sum(sum(_numbers(pid)[11:15]) for pid in _trees(roots)) / _TICKS


def resident_bytes(root: int) -> int:
    """The resident memory of the largest process in the tree: the worker."""
    return max(_resident(pid) for pid in _trees([root]))


def all_resident_bytes(root: int) -> int:
    """The resident memory of all processes in the tree; what they share counts for each of them."""
    return sum(_resident(pid) for pid in _trees([root]))


def children(pid: int) -> list[int]:
    """The process ids of its children (proc(5))."""
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def peak_bytes() -> int:
    """The most memory that this process ever had resident since exec. Memory of its parent does not count."""
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")) * 1024


def _await(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    end = output.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise DidNotStart(f"Nothing listens on port {port}; the server's output ends with:\n{end}")


def _trees(roots: Sequence[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        numbers = _numbers(int(folder.name))
        if numbers:
            children.setdefault(numbers[1], []).append(int(folder.name))
    found = list(roots)
    for pid in found:
        found += children.get(pid, [])
    return found


def _numbers(pid: int) -> list[int]:
    """The fields after the command's name, the state as 0; empty for a process that has ended meanwhile."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [0, *map(int, text.rpartition(")")[2].split()[1:])]


def _resident(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
