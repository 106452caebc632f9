# SPDX-License-Identifier: GPL-3.0-or-later
"""Which outside addresses may be saved. Those who connect to them decide; what saves them asks."""

from __future__ import annotations

from collections.abc import Callable

Admission = Callable[[str], None]
"""Raises `Invalid`, without the URL, for one that would never be connected to."""


def anywhere(_url: str) -> None:
    """Admit every URL."""
