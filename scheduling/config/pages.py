# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the web pages: how long somebody stays signed in, and where maps are."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling.config import ini, wording
from scheduling.config.ini import option
from scheduling.config.templates import Template


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
    map_url: Template = option(
        "https://www.openstreetmap.org/search?query={place}",
        parse=wording.url_template("place"),
        doc="Where the map link of an entry leads. {place} is its address, or latitude and longitude where the job has "
        "them. Empty: no map links.",
    )
