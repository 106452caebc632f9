# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests that talk to the application."""

from __future__ import annotations

from tests.server.fixtures import anna, bo, configured, dora, nobody, people, running

__all__ = ["anna", "bo", "configured", "dora", "nobody", "people", "running"]
