# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from scheduling.subscriptions.plan import EMPTY, UIDS_CHANGED, VANISHED, Limits, Plan, doubts, plan

LIMITS = Limits(percent=50, minimum=5)


def _events(start: int, end: int) -> dict[str, str]:
    return {f"uid-{number}": f"content {number}" for number in range(start, end)}


def test_each_uid_is_inserted_updated_deleted_or_left_alone() -> None:
    assert plan(
        {"kept": "1", "changed": "1", "gone": "1"}, {"kept": "1", "changed": "2", "new": "1"}
    ) == Plan(
        insert=frozenset({"new"}),
        update=frozenset({"changed"}),
        delete=frozenset({"gone"}),
        unchanged=frozenset({"kept"}),
    )


def test_an_empty_source_is_fine_where_nothing_was_stored() -> None:
    assert plan({}, {}) == Plan(
        insert=frozenset(), update=frozenset(), delete=frozenset(), unchanged=frozenset()
    )
    assert doubts({}, {}, (), LIMITS) == ()


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        ({}, (EMPTY,)),
        (_events(0, 9), ()),
        (_events(5, 10), ()),
        (_events(6, 10), (VANISHED,)),
        (_events(20, 30), (UIDS_CHANGED, VANISHED)),
        (dict.fromkeys(_events(0, 10), "changed"), ()),
        ({f"new-{uid}": content for uid, content in _events(0, 10).items()}, ()),
    ],
)
def test_what_is_doubted_of_ten_events(seen: dict[str, str], reasons: tuple[str, ...]) -> None:
    stored = _events(0, 10)
    assert doubts(stored, seen, stored.keys(), LIMITS) == reasons


def test_a_few_events_may_go_but_not_all_change_their_uids() -> None:
    stored = _events(0, 4)
    assert doubts(stored, _events(3, 4), stored.keys(), LIMITS) == ()
    assert doubts(stored, _events(8, 9), stored.keys(), LIMITS) == (UIDS_CHANGED,)


def test_the_past_may_be_forgotten() -> None:
    stored = _events(0, 10)
    assert doubts(stored, {}, (), LIMITS) == ()
    assert doubts(stored, _events(9, 10), ("uid-9",), LIMITS) == ()
    assert doubts(stored, _events(0, 9), ("uid-9",), LIMITS) == ()


def test_another_address_may_have_other_events_but_not_none() -> None:
    stored = _events(0, 10)
    assert doubts(stored, _events(20, 30), stored.keys(), LIMITS, moved=True) == ()
    assert doubts(stored, {}, stored.keys(), LIMITS, moved=True) == (EMPTY,)
