# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the web pages that `scheduling` needs to know: how long somebody stays signed in."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling.config import ini
from scheduling.config.ini import option


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSettings:
    """The web pages."""

    session_idle: int = option(
        "7d",
        parse=ini.duration(1800, 31_536_000),
        doc="Somebody who opens no page for this time has to sign in again.",
    )
    session_lifetime: int = option(
        "30d",
        parse=ini.duration(1800, 31_536_000),
        doc="After this time somebody has to sign in again in any case.",
    )
