# SPDX-License-Identifier: GPL-3.0-or-later
"""The view: which days lie inside the window, how far recurring objects are expanded, and when its epoch
changes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.config.sections import CalendarSettings, TemplateSettings
from scheduling.config.templates import Template
from scheduling.kinds.jobs import FIELDS
from scheduling.settings.view import View, today

DAYS = st.dates(date(1990, 1, 1), date(2200, 1, 1))


def view(**changes: object) -> View:
    return View.of(replace(CalendarSettings(), **changes), TemplateSettings())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("months", "day", "cutoff"),
    [
        (1, date(2026, 3, 10), date(2026, 2, 10)),
        (1, date(2026, 3, 31), date(2026, 2, 28)),
        (1, date(2024, 3, 31), date(2024, 2, 29)),
        (12, date(2024, 2, 29), date(2023, 2, 28)),
        (3, date(2026, 1, 15), date(2025, 10, 15)),
        (0, date(2026, 1, 15), date(2026, 1, 15)),
        (None, date(2026, 1, 15), date.min),
        (30000, date(2026, 1, 15), date.min),
    ],
)
def test_cutoff_lies_whole_months_back(months: int | None, day: date, cutoff: date) -> None:
    assert view(history_months=months).cutoff(day) == cutoff


@settings(deadline=None, derandomize=True, database=None)
@given(day=DAYS, later=DAYS, months=st.integers(0, 60))
def test_cutoff_never_moves_back_as_days_pass(day: date, later: date, months: int) -> None:
    first, last = sorted((day, later))
    assert view(history_months=months).cutoff(first) <= view(history_months=months).cutoff(last)


@settings(deadline=None, derandomize=True, database=None)
@given(day=DAYS, history=st.integers(0, 60) | st.none(), ahead=st.integers(1, 120))
def test_horizon_holds_the_whole_window_and_moves_once_a_month(
    day: date, history: int | None, ahead: int
) -> None:
    shown = view(history_months=history, horizon_months=ahead)
    horizon = shown.horizon(day)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    assert horizon.start < noon + ahead * 28 * 86400 < horizon.end
    if history is not None:
        cutoff = shown.cutoff(day)
        assert (
            horizon.start
            <= datetime(cutoff.year, cutoff.month, cutoff.day, tzinfo=UTC).timestamp() - 2 * 86400
        )
    same_month = shown.horizon(day.replace(day=1))
    assert same_month.end == horizon.end


@pytest.mark.parametrize(
    "changes",
    [
        {"job_statuses": ("offered",)},
        {"job_statuses": ("confirmed", "delivered", "invoiced", "paid", "cancelled")},
    ],
)
def test_epoch_changes_with_what_is_visible(changes: dict[str, object]) -> None:
    assert view(**changes).epoch != view().epoch


@pytest.mark.parametrize(
    "changes",
    [
        {"job_statuses": ("paid", "invoiced", "delivered", "confirmed")},
        {"history_months": None},
        {"tombstone_days": 7},
        {"jobs_name": "Work"},
        {"jobs_color": "#000000FF"},
    ],
)
def test_epoch_stays_when_no_object_can_look_different(changes: dict[str, object]) -> None:
    assert view(**changes).epoch == view().epoch


def test_epoch_changes_with_every_template() -> None:
    epochs = {view().epoch}
    names = TemplateSettings.__dataclass_fields__
    for name in names:
        templates = replace(TemplateSettings(), **{name: Template.parse("{notes}!", FIELDS)})  # type: ignore[arg-type]
        epochs.add(View.of(CalendarSettings(), templates).epoch)
    assert len(epochs) == len(names) + 1


def test_day_of_a_moment_is_the_utc_one() -> None:
    assert today(1_773_100_800) == date(2026, 3, 10)
    assert today(1_773_100_799) == date(2026, 3, 9)
