# SPDX-License-Identifier: GPL-3.0-or-later
"""Entity tags of what the API shows."""

from __future__ import annotations

import re

from server.api.protocol.validators import etag_of


def test_a_tag_is_quoted_and_follows_from_the_values_alone() -> None:
    tag = etag_of("a", 1, None, ("x", True))
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    assert tag == etag_of("a", 1, None, ["x", True])


def test_other_values_or_other_places_give_another_tag() -> None:
    tags = [
        etag_of("ab", "c"),
        etag_of("a", "bc"),
        etag_of("abc"),
        etag_of("ab", "c", None),
        etag_of("ab", "C"),
    ]
    assert len(set(tags)) == len(tags)
