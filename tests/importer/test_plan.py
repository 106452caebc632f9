# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from importer.errors import SourceEmpty
from importer.plan import Plan, plan


def test_each_uid_is_inserted_updated_deleted_or_left_alone() -> None:
    assert plan(
        {"kept": "1", "changed": "1", "gone": "1"}, {"kept": "1", "changed": "2", "new": "1"}
    ) == Plan(
        insert=frozenset({"new"}),
        update=frozenset({"changed"}),
        delete=frozenset({"gone"}),
        unchanged=frozenset({"kept"}),
    )


def test_a_source_that_became_empty_deletes_nothing() -> None:
    with pytest.raises(SourceEmpty) as caught:
        plan({"a": "1", "b": "1"}, {})
    assert (caught.value.reason, caught.value.stored) == ("empty", 2)


def test_an_empty_source_is_fine_where_nothing_was_stored() -> None:
    assert plan({}, {}) == Plan(
        insert=frozenset(), update=frozenset(), delete=frozenset(), unchanged=frozenset()
    )
