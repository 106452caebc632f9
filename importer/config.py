# SPDX-License-Identifier: GPL-3.0-or-later
"""The ini section [importer]."""

from __future__ import annotations

from dataclasses import dataclass

from importer.addresses import Exemptions
from importer.fetch import FetchPolicy
from importer.schedule import Schedule
from scheduling.ini import boolean, duration, integer, option, size


def exemptions(text: str) -> Exemptions:
    """A comma-separated list of hosts and networks."""
    try:
        return Exemptions.parse(text.split(","))
    except ValueError:
        raise ValueError(
            "is not a list of host names and networks such as calendar.intranet, 10.0.0.0/8"
        ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImporterConfig:
    """How outside calendars are fetched and webhooks reached. Durations are in seconds, sizes in bytes."""

    interval: int = option("15m", doc="How often each outside calendar is fetched.", parse=duration(60))
    timeout: int = option("60s", doc="The longest that one fetch may take in all.", parse=duration(1, 3600))
    max_bytes: int = option("20MB", doc="The largest calendar that is read, uncompressed.", parse=size(1000))
    max_events: int = option(
        "50000", doc="The most events that one calendar may hold.", parse=integer(1, 100_000)
    )
    user_agent: str = option(
        "Mozilla/5.0 (compatible; Daysheet calendar importer)",
        doc="How the importer names itself; Office 365 refuses what does not look like a browser.",
    )
    allow_http: bool = option(
        "no", doc="Whether calendars and webhooks may have unencrypted http addresses.", parse=boolean
    )
    allow_hosts: Exemptions = option(
        "",
        doc="Private hosts and networks that calendars and webhooks may be on, on any port (comma-separated).",
        parse=exemptions,
    )
    batch: int = option("20", doc="How many due calendars are claimed at a time.", parse=integer(1, 1000))
    maintenance_interval: int = option("1h", doc="How often the database is tidied up.", parse=duration(60))
    lease: int = option(
        "10m",
        doc="How long a claim holds; a crashed importer's calendars wait this long.",
        parse=duration(60),
    )
    idle: int = option(
        "15s", doc="How often the importer looks for calendars that are due.", parse=duration(1, 3600)
    )

    def policy(self) -> FetchPolicy:
        """What a fetch may do under this configuration."""
        return FetchPolicy(
            user_agent=self.user_agent,
            max_bytes=self.max_bytes,
            deadline=float(self.timeout),
            allow_http=self.allow_http,
            allow=self.allow_hosts,
        )

    def schedule(self) -> Schedule:
        """When calendars are fetched under this configuration."""
        return Schedule(interval=self.interval)
