# SPDX-License-Identifier: GPL-3.0-or-later
"""The `[server]` section: where Daysheet listens, under which address people reach it, and what it accepts."""

from __future__ import annotations

from dataclasses import dataclass

from scheduling.config import ini
from scheduling.config.ini import Parser, option

LOG_LEVELS = ("debug", "info", "warning", "error")
_words = Parser(
    read=lambda given: tuple(word.strip() for word in given.split(",") if word.strip()),
    permitted="words separated by commas, or nothing",
)


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
        8,
        parse=ini.integer(1, 256),
        doc="Threads in each process; a request keeps one of them busy while its answer is made, not while it "
        "arrives or is sent.",
    )
    connections: int = option(
        1024,
        parse=ini.integer(16, 65536),
        doc="The most connections that each process has at a time; others wait.",
    )
    worker_memory: int = option(
        "1GB",
        parse=ini.size(),
        doc="The memory that a process may hold by itself. One that holds more is replaced, after it has finished its "
        "requests. 0 means any. Linux only.",
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
    body_timeout: int = option(
        "60s", parse=ini.duration(1, 3600), doc="The time in which a request body has to arrive."
    )
    body_rate: int = option(
        "1KB",
        parse=ini.size(),
        doc="The octets of a request body that have to arrive in a second on average, after the first five seconds.",
    )
    request_timeout: int = option(
        "60s",
        parse=ini.duration(1, 3600),
        doc="The time that an answer may take to make. A request that takes longer is ended and answered with 503; "
        "so is the work for a client that has hung up.",
    )
    send_timeout: int = option(
        "30s",
        parse=ini.duration(1, 3600),
        doc="The time after which a client is dropped that has taken nothing of a long answer.",
    )
    waiting_memory: int = option(
        "64MB",
        parse=ini.size(1_000_000),
        doc="Memory that each process uses for request bodies that are arriving and answers that are not taken yet. "
        "Further bodies are refused with 503, and further answers wait in temporary files.",
    )
    api_requests_per_minute: int = option(
        600,
        parse=ini.integer(0, 1_000_000),
        doc="How many requests to the REST API one key may make in a minute, and one user to his scheduling outbox, "
        "counted over all processes; 0 means any number.",
    )
    fast_answers: bool = option(
        "on",
        parse=ini.boolean,
        doc="Whether the requests that clients poll with are answered straight from the database. The answers are the "
        "same without, only slower.",
    )
    log_level: str = option(
        "info", choices=LOG_LEVELS, doc="How much is logged to the standard error output."
    )
    feed_gzip: bool = option(
        "yes", parse=ini.boolean, doc="Whether feeds are compressed for clients that accept it."
    )
    feed_gzip_refused: tuple[str, ...] = option(
        "Exchange,Microsoft,Outlook",
        parse=_words,
        doc="Clients that get feeds uncompressed though they accept compression: words in their User-Agent.",
    )
    feed_private: bool = option(
        "no",
        parse=ini.boolean,
        doc="Whether blockers and time off are marked as private (CLASS:PRIVATE) in feeds that show everything. "
        "Google Calendar shows private events of a subscribed calendar as busy, without their titles.",
    )
    feed_max_size: int = option(
        "10MB",
        parse=ini.size(10_000),
        doc="The largest feed that is sent whole. From a larger one the items furthest away are left out, and an "
        "event says so.",
    )
    feed_cache: int = option(
        "16MB",
        parse=ini.size(),
        doc="Memory that each process uses for feeds it has sent, so that unchanged ones need not be put together "
        "again.",
    )
