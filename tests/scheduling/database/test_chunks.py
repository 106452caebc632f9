# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists in parts."""

from __future__ import annotations

from itertools import count

from scheduling.database.chunks import PARAMETERS, chunks


def test_every_item_is_in_one_part_and_in_its_order() -> None:
    assert list(chunks(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([1, 2], 2)) == [[1, 2]]
    assert list(chunks([], 2)) == []
    assert [len(part) for part in chunks(range(PARAMETERS + 1))] == [PARAMETERS, 1]


def test_no_more_is_read_than_the_part_that_is_given() -> None:
    numbers = count()
    assert next(chunks(numbers, 4)) == [0, 1, 2, 3]
    assert next(numbers) == 4
