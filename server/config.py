# SPDX-License-Identifier: GPL-3.0-or-later
"""The `[server]` section: where Daysheet listens, under which address people reach it, and what it accepts."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling import ini
from scheduling.ini import option

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How Daysheet is served. Options of Radicale's own [server] section may stand here too."""

    host: str = option("127.0.0.1", doc="The address to listen on; 0.0.0.0 or :: means all.")
    port: int = option(5232, parse=ini.integer(1, 65535), doc="The port to listen on.")
    workers: int = option(
        1,
        parse=ini.integer(1, 256),
        doc="Processes that serve requests. With SQLite a few, with PostgreSQL one a core.",
    )
    threads: int = option(
        8, parse=ini.integer(1, 256), doc="Threads in each process; a slow request keeps one of them busy."
    )
    public_url: str | None = option(
        "",
        parse=ini.optional(ini.url("https", "http")),
        doc="The address under which clients reach Daysheet, for example https://calendar.example.com. Links are made "
        "from it. Nothing means http://host:port.",
    )
    trusted_proxies: tuple[ini.Network, ...] = option(
        "",
        parse=ini.networks,
        doc="Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    max_body: int = option(
        "10MB",
        parse=ini.size(),
        doc="The largest request body that is read; larger ones are refused with 413.",
    )
    log_level: str = option(
        "info", choices=LOG_LEVELS, doc="How much is logged to the standard error output."
    )
