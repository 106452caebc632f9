# SPDX-License-Identifier: GPL-3.0-or-later
"""What a feed may be told to show, and the window that gives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from scheduling.config.sections import CalendarSettings, TemplateSettings
from scheduling.errors import Invalid
from scheduling.feeds.options import FeedOptions
from scheduling.settings.view import View

TODAY = date(2026, 3, 31)
MIDNIGHT = int(datetime(2026, 3, 31, tzinfo=UTC).timestamp())


def view(history_months: int | None) -> View:
    return View.of(CalendarSettings(history_months=history_months), TemplateSettings())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ()}, "at least one of jobs, blockers"),
        ({"kinds": ("jobs", "tasks")}, "no kind 'tasks'"),
        ({"kinds": ("job",)}, 'did you mean "jobs"'),
        ({"detail": "some"}, "full or busy, not 'some'"),
        ({"history_months": -1}, "from 0 to 1200, not -1"),
        ({"future_months": 1201}, "from 0 to 1200, not 1201"),
        ({"cancelled_days": 366}, "from 0 to 365"),
        ({"alarm_minutes": True}, "from 0 to 40320, not True"),
        ({"expires_at": datetime(2030, 1, 1)}, "needs a time zone"),  # noqa: DTZ001 - that is the point
        ({"expires_at": datetime(3000, 1, 1, tzinfo=UTC)}, "between the years"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        FeedOptions(**options)


def test_equal_options_are_equal_however_they_are_given() -> None:
    one = FeedOptions(kinds=("external", "jobs", "jobs"), expires_at=datetime(2030, 1, 1, 12, tzinfo=UTC))
    cet = timezone(timedelta(hours=1))
    other = FeedOptions(kinds=("jobs", "external"), expires_at=datetime(2030, 1, 1, 13, 0, 0, 5, tzinfo=cet))
    assert one == other
    assert one.kinds == ("jobs", "external")


@pytest.mark.parametrize(
    ("installation", "feed", "cutoff"),
    [
        (1, None, date(2026, 2, 28)),
        (3, 1, date(2026, 2, 28)),
        (1, 3, date(2026, 2, 28)),
        (1, 0, TODAY),
        (None, None, date.min),
        (None, 12, date(2025, 3, 31)),
    ],
)
def test_the_installation_caps_the_history(installation: int | None, feed: int | None, cutoff: date) -> None:
    window = FeedOptions(history_months=feed).window(view(installation), TODAY)
    assert window.cutoff == cutoff


def test_the_future_ends_with_a_day() -> None:
    assert FeedOptions().window(view(1), TODAY).until is None
    assert FeedOptions(future_months=0).window(view(1), TODAY).until == MIDNIGHT + 86400
    until = FeedOptions(future_months=1).window(view(1), TODAY).until
    assert until == int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())


def test_cancelled_jobs_stay_for_whole_days() -> None:
    since = [FeedOptions(cancelled_days=days).window(view(1), TODAY).cancelled_since for days in (0, 1, 7)]
    assert since == [None, MIDNIGHT - 86400, MIDNIGHT - 7 * 86400]
