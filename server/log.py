# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging to the standard error output: event first, ids after; never a body, a password, a token or a feed URL."""

from __future__ import annotations

import logging

_OURS = ("scheduling", "storage_plugin", "auth_plugin", "importer", "worker", "server")


def configure(level: str) -> None:
    """Our packages log at `level`. Radicale's own messages name paths and users: only its warnings are kept, unless
    `level` is debug.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    radicale = logging.getLogger("radicale")
    radicale.setLevel("DEBUG" if level == "debug" else "WARNING")
    radicale.addFilter(_without_username)
    logging.getLogger("httpx").setLevel(
        "WARNING"
    )  # it logs the full URL of every request, and those are secrets
    logging.getLogger("httpcore").setLevel("WARNING")


def quieten() -> None:
    """For commands whose output is their answer: only faults of Daysheet are logged. `configure` ends this."""
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.ERROR)


def _without_username(record: logging.LogRecord) -> bool:
    """A failed login is logged with its address only. Users sometimes type their password as the username."""
    if str(record.msg).startswith("Failed login attempt from %s:") and isinstance(record.args, tuple):
        record.msg, record.args = "Failed login attempt from %s", record.args[:1]
    return True
