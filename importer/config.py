# SPDX-License-Identifier: GPL-3.0-or-later
"""The ini section [importer]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.confined.limits import Limits
from importer.fetch.addresses import Exemptions
from importer.fetch.hosts import Hosts
from importer.fetch.policy import FetchPolicy
from scheduling.config.ini import boolean, duration, integer, number, option, size

if TYPE_CHECKING:
    from importer.schedule import Schedule


def exemptions(text: str) -> Exemptions:
    """A comma-separated list of hosts and networks."""
    try:
        return Exemptions.parse(text.split(","))
    except ValueError:
        raise ValueError(
            "is not a list of host names and networks such as calendar.intranet, 10.0.0.0/8"
        ) from None


def agents(text: str) -> tuple[tuple[str, str], ...]:
    """Lines of a host, an equals sign and a User-Agent. A written backslash and n also ends a line."""
    found: dict[str, str] = {}
    for line in filter(None, (part.strip() for part in text.replace(r"\n", "\n").splitlines())):
        host, _, agent = (part.strip() for part in line.partition("="))
        if not host or not agent or not agent.isprintable() or " " in host:
            raise ValueError("is not lines such as outlook.office365.com = Mozilla/5.0 (X11)")
        found[host.lower().rstrip(".")] = agent
    return tuple(found.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class ImporterConfig:
    """How outside calendars are fetched and webhooks reached. Numbers without a unit are seconds or bytes."""

    interval: int = option(
        "15m", doc="The time between two fetches of each outside calendar.", parse=duration(60)
    )
    timeout: int = option(
        "60s", doc="The longest time that one fetch may take, with all redirects.", parse=duration(1, 3600)
    )
    max_bytes: int = option(
        "20MB", doc="The size of the largest calendar that is read, uncompressed.", parse=size(1000)
    )
    max_events: int = option(
        "50000", doc="The most events that one calendar may hold.", parse=integer(1, 100_000)
    )
    user_agent: str = option(
        "Mozilla/5.0 (compatible; Daysheet calendar importer)",
        doc="The User-Agent of the importer. Office 365 refuses one that does not look like a browser.",
    )
    user_agents: tuple[tuple[str, str], ...] = option(
        "",
        doc="Other User-Agents for single hosts: host = User-Agent. Separate several with \\n.",
        parse=agents,
    )
    allow_http: bool = option(
        "no",
        doc="Whether calendars and webhooks may have http addresses, which are not encrypted.",
        parse=boolean,
    )
    allow_hosts: Exemptions = option(
        "",
        doc="Private hosts and networks that calendars and webhooks may be on, on any port (comma-separated).",
        parse=exemptions,
    )
    batch: int = option("50", doc="How many due calendars are claimed at a time.", parse=integer(1, 1000))
    maintenance_interval: int = option("1h", doc="How often the database is tidied up.", parse=duration(60))
    concurrency: int = option(
        "8", doc="How many calendars one worker fetches at a time.", parse=integer(1, 256)
    )
    host_concurrency: int = option("4", doc="How many of them may be from one host.", parse=integer(1, 256))
    host_rate: float = option(
        "10", doc="How many requests to one host one worker begins per second.", parse=number(0.01, 1000)
    )
    readers: int = option("2", doc="How many processes read what was fetched.", parse=integer(1, 64))
    reader_seconds: int = option(
        "2m",
        doc="The most CPU time for reading one calendar. Small ones get less.",
        parse=duration(1, 3600),
    )
    reader_memory: int = option(
        "1GiB", doc="The most memory of a process that reads calendars.", parse=size(200_000_000)
    )
    give_up: int = option(
        "14d",
        doc="A calendar that fails for this long is paused. 0 means never.",
        parse=duration(0),
    )
    lease: int = option(
        "2m",
        doc="How long a claim holds unless it is renewed. The calendars of a crashed worker wait this long.",
        parse=duration(30),
    )
    idle: int = option(
        "2s", doc="How often the worker looks for calendars that are due.", parse=duration(1, 3600)
    )

    def policy(self) -> FetchPolicy:
        """What a fetch may do under this configuration."""
        return FetchPolicy(
            user_agent=self.user_agent,
            user_agents=dict(self.user_agents),
            max_bytes=self.max_bytes,
            deadline=float(self.timeout),
            allow_http=self.allow_http,
            allow=self.allow_hosts,
        )

    def schedule(self) -> Schedule:
        """When calendars are fetched under this configuration."""
        from importer.schedule import Schedule  # noqa: PLC0415 - loads icalendar, which settings do not need

        return Schedule(interval=self.interval, give_up=self.give_up)

    def limits(self) -> Limits:
        """The limits for reading a calendar."""
        return Limits(readers=self.readers, seconds=self.reader_seconds, memory=self.reader_memory)

    def hosts(self) -> Hosts:
        """How hosts are treated."""
        return Hosts(self.host_concurrency, self.host_rate)
