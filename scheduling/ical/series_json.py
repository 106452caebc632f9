# SPDX-License-Identifier: GPL-3.0-or-later
"""A `Series` as JSON text, so that an imported event is expanded again without parsing iCalendar again."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from scheduling.ical.recurrence import parse_rule
from scheduling.ical.series import Override, Series


def dumps(series: Series) -> str:
    """JSON text; the same series always gives the same text."""
    return json.dumps(
        {
            "start": _text(series.start),
            "end": _text(series.end),
            "tzid": series.tzid,
            "rule": None if series.rule is None else series.rule.text(),
            "rdates": [_text(moment) for moment in series.rdates],
            "exdates": [_text(moment) for moment in series.exdates],
            "overrides": {
                _text(key): [_text(it.start), _text(it.end), it.busy] for key, it in series.overrides.items()
            },
            "busy": series.busy,
            **({"days": series.days} if series.days else {}),
        },
        sort_keys=True,
    )


def loads(text: str) -> Series:
    """The series that `dumps` wrote. Raises ValueError for other text."""
    data: dict[str, Any] = json.loads(text)
    return Series(
        start=_moment(data["start"]),
        end=_moment(data["end"]),
        tzid=data["tzid"],
        rule=None if data["rule"] is None else parse_rule(data["rule"], most_per_day=None),
        rdates=tuple(map(_moment, data["rdates"])),
        exdates=tuple(map(_moment, data["exdates"])),
        overrides={
            _moment(key): Override(start=_moment(start), end=_moment(end), busy=busy)
            for key, (start, end, busy) in data["overrides"].items()
        },
        busy=data["busy"],
        days=data.get("days", 0),
    )


def _text(moment: date) -> str:
    return moment.isoformat()


def _moment(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
