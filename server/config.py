# SPDX-License-Identifier: GPL-3.0-or-later
"""The `[server]` section: where Daysheet listens, its public address, and what it accepts."""

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
    """How Daysheet is served. Options of Radicale's own [server] section may be here too."""

    host: str = option("127.0.0.1", doc="The address to listen on. 0.0.0.0 or :: means all addresses.")
    port: int = option(5232, parse=ini.integer(1, 65535), doc="The port to listen on.")
    workers: int = option(
        1,
        parse=ini.integer(1, 256),
        doc="Processes that serve requests. With SQLite use a few, with PostgreSQL one for each core.",
    )
    threads: int = option(
        8,
        parse=ini.integer(1, 256),
        doc="Threads in each process. A request needs one while its answer is made, not while it arrives "
        "or is sent.",
    )
    connections: int = option(
        1024,
        parse=ini.integer(16, 65536),
        doc="The most connections of each process at a time. Others wait.",
    )
    worker_memory: int = option(
        "1GB",
        parse=ini.size(),
        doc="The most memory of a process, without shared memory. A process with more is replaced after "
        "it has finished its requests. 0 means no limit. Linux only.",
    )
    public_url: str | None = option(
        "",
        parse=ini.optional(ini.url("https", "http")),
        doc="The address at which clients reach Daysheet, for example https://calendar.example.com. "
        "Links begin with it. Nothing means http://host:port.",
    )
    trusted_proxies: tuple[ini.Network, ...] = option(
        "",
        parse=ini.networks,
        doc="Addresses or networks of your reverse proxies. Only their X-Forwarded-For and "
        "X-Forwarded-Proto are believed.",
    )
    max_body: int = option(
        "10MB",
        parse=ini.size(),
        doc="The size of the largest request body. Larger ones are refused with 413.",
    )
    body_timeout: int = option(
        "60s", parse=ini.duration(1, 3600), doc="The time in which a request body has to arrive."
    )
    body_rate: int = option(
        "1KB",
        parse=ini.size(),
        doc="How many octets of a request body have to arrive per second on average, after the first "
        "five seconds.",
    )
    request_timeout: int = option(
        "60s",
        parse=ini.duration(1, 3600),
        doc="The longest time for making an answer. A request that takes longer is ended and answered "
        "with 503. A request whose client has hung up is ended too.",
    )
    send_timeout: int = option(
        "30s",
        parse=ini.duration(1, 3600),
        doc="A client that takes nothing of a long answer for this time is dropped.",
    )
    waiting_memory: int = option(
        "64MB",
        parse=ini.size(1_000_000),
        doc="The most memory of each process for request bodies that are arriving and for answers that "
        "are not sent yet. Further bodies are refused with 503. Further answers wait in temporary "
        "files.",
    )
    api_requests_per_minute: int = option(
        600,
        parse=ini.integer(0, 1_000_000),
        doc="How many requests one key may send to the REST API in a minute, and one user to the "
        "scheduling outbox. All processes count together. 0 means no limit.",
    )
    fast_answers: bool = option(
        "on",
        parse=ini.boolean,
        doc="Whether common requests of clients are answered directly from the database. Without this "
        "the answers are the same, only slower.",
    )
    log_level: str = option("info", choices=LOG_LEVELS, doc="How much is logged to standard error.")
    feed_gzip: bool = option(
        "yes", parse=ini.boolean, doc="Whether feeds are compressed for clients that accept it."
    )
    feed_gzip_refused: tuple[str, ...] = option(
        "Exchange,Microsoft,Outlook",
        parse=_words,
        doc="Words in the User-Agent of clients that get feeds uncompressed, although they accept "
        "compression.",
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
        doc="The size of the largest feed that is sent whole. A larger one is shortened: the items "
        "furthest away are left out, and an event says so.",
    )
    feed_cache: int = option(
        "16MB",
        parse=ini.size(),
        doc="The memory of each process for feeds that it has sent. Unchanged ones are not made again.",
    )
