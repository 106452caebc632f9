# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription's policy makes of the text of an event."""

from __future__ import annotations

import pytest

from scheduling.kinds.policy import Policy, component

FREE = "STATUS:CONFIRMED\r\nTRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\n"
EVENT = f"BEGIN:VEVENT\r\nUID:1@x\r\nDTSTART:20261001T080000Z\r\nSUMMARY:Secret\r\n{FREE}END:VEVENT\r\n"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(visibility="busy-only"), FREE),
        (Policy(busy="all"), "STATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\n"),
        (Policy(busy="all", visibility="busy-only"), "STATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\n"),
    ],
)
def test_whether_outlook_shows_it_as_free_follows_the_policy(policy: Policy, said: str) -> None:
    found = component(policy, EVENT, "here")
    assert said in found
    assert found.count("BUSYSTATUS") == said.count("BUSYSTATUS")
    assert ("Secret" in found) == (policy.visibility == "full")
