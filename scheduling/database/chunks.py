# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists in parts, since a statement takes only so many parameters and an answer should not be built at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

PARAMETERS = 500
"""Values that one statement is given where nothing else speaks for more; SQLite permits 32,766."""

_Item = TypeVar("_Item")


def chunks(items: Iterable[_Item], size: int = PARAMETERS) -> Iterator[list[_Item]]:
    """The items in their order, at most `size` at a time; reads no further ahead than the part it gives."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
