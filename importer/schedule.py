# SPDX-License-Identifier: GPL-3.0-or-later
"""When a subscription is fetched next: interval, jitter and back-off. Pure, except for the random source."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace

from importer.errors import FetchFailed, ImporterError
from importer.understand.values import duration

LONGEST_WAIT = 86_400
_JITTER = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The configured interval, the shortest permitted interval, and the time of failing after which a calendar is given
    up (0: never), all in seconds; and the random source.
    """

    interval: int
    minimum_interval: int = 0
    give_up: int = 0
    chance: random.Random = field(default_factory=random.Random, repr=False)

    def at_least(self, seconds: int) -> Schedule:
        """This schedule with the given shortest interval, unless the present one is longer."""
        return replace(self, minimum_interval=max(self.minimum_interval, seconds))

    def after_success(self, now: int, refresh: int = 0) -> int:
        """The epoch second of the next fetch. `refresh` is the feed's own REFRESH-INTERVAL in seconds; fetches are not
        more frequent.
        """
        wait = max(self.interval, self.minimum_interval, refresh)
        return now + self._jittered(wait)

    def after_failure(self, now: int, failures: int, error: ImporterError | None = None) -> int:
        """The epoch second of the next try. `failures` counts the earlier failures in a row.

        The wait doubles with every failure, up to a day. It is never shorter than the server asked for. It is a day at
        once if only a person can mend the fault.
        """
        wait = max(self.interval, self.minimum_interval) << min(failures, 12)
        if isinstance(error, FetchFailed):
            if error.permanent:
                wait = LONGEST_WAIT
            wait = max(wait, error.retry_after or 0)
        return now + self._jittered(min(wait, LONGEST_WAIT))

    def is_given_up(self, now: int, failing_since: int | None, error: ImporterError) -> bool:
        """Whether to stop: the calendar has failed for long enough, or its server says that it is gone for good."""
        if isinstance(error, FetchFailed) and error.gone:
            return True
        return bool(self.give_up and failing_since is not None and now - failing_since >= self.give_up)

    def _jittered(self, wait: int) -> int:
        """The wait, extended by up to a tenth, so that subscriptions made together are not fetched together for
        ever.
        """
        return wait + int(wait * _JITTER * self.chance.random())


def refresh_seconds(value: str | None) -> int:
    """The length of a REFRESH-INTERVAL (RFC 7986) or X-PUBLISHED-TTL, at most a day; 0 for none."""
    length = duration(value) if value and re.match(r"[+]?P", value, re.IGNORECASE) else None
    if length is None:
        return 0
    return max(0, min(length.days * 86_400 + length.seconds, LONGEST_WAIT))
