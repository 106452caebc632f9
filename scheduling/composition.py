# SPDX-License-Identifier: GPL-3.0-or-later
"""Who follows the calendars of an installation. Every process that reads or catches up calendars is given these: the
server, the storage plugin under plain Radicale, the worker and the commands.
"""

from __future__ import annotations

from types import MappingProxyType

from scheduling.calendars.followers import Followers
from scheduling.conflicts import checks, watch
from scheduling.kinds import CONFLICTS
from scheduling.webhooks import jobs

FOLLOWERS = Followers(
    followers=(checks.follow, jobs.follow), settle=MappingProxyType({CONFLICTS.slug: watch.settle})
)
