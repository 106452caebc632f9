# SPDX-License-Identifier: GPL-3.0-or-later
"""What time a search for slots may be permitted to take."""

from __future__ import annotations

import pytest

from scheduling.availability.slots import PERMITTED, Search
from scheduling.calendars.free_busy import OUTSIDE_HOURS, STRENGTH, UNKNOWN
from scheduling.errors import Invalid


def _search(permitted: str) -> Search:
    return Search(length=3600, step=900, count=1, need=1, permitted=[permitted])


def test_time_that_is_not_quite_taken_can_be_permitted() -> None:
    assert PERMITTED == ("BUSY-TENTATIVE", OUTSIDE_HOURS, UNKNOWN)
    for fbtype in PERMITTED:
        _search(fbtype).check(1, 86400)


@pytest.mark.parametrize("fbtype", sorted({*STRENGTH} - {"BUSY-TENTATIVE", OUTSIDE_HOURS, UNKNOWN}))
def test_taken_time_never_is(fbtype: str) -> None:
    assert fbtype in ("BUSY", "BUSY-UNAVAILABLE")
    with pytest.raises(Invalid, match="allowed beside free time: BUSY-TENTATIVE, OUTSIDE-HOURS, UNKNOWN"):
        _search(fbtype).check(1, 86400)
