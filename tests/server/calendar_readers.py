# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar texts as three independent parsers read them, which have to agree and may not complain."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import icalendar
import vobject

ROOT = Path(__file__).parents[2]
_PLACES = (ROOT / "build", ROOT, Path("/usr/lib"), Path("/usr/local/lib"))
_SCRIPT = """
const ICAL = require(process.argv[1]);
const component = ICAL.Component.fromString(require("fs").readFileSync(0, "utf8"));
const events = component.getAllSubcomponents("vevent").map(it => {
  const event = new ICAL.Event(it);
  return [event.uid, event.summary, event.startDate.toString(), it.getAllSubcomponents("valarm").length];
});
console.log(JSON.stringify({name: component.getFirstPropertyValue("x-wr-calname"), events}));
"""
Rows = list[list[Any]]


def ical_js() -> Path | None:
    """Where ical.js is, if node and the package are installed."""
    found = (place / "node_modules/ical.js/dist/ical.es5.cjs" for place in _PLACES)
    return next((it for it in found if it.exists()), None) if shutil.which("node") else None


def with_icalendar(text: str) -> list[Any]:
    """The VEVENTs; fails on any error that the library passes over."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calendar = icalendar.Calendar.from_ical(text)
    for component in calendar.walk():
        assert not component.errors, component.errors
    return list(calendar.walk("VEVENT"))


def with_vobject(text: str) -> Rows:
    """UID, title, start and number of alarms of every VEVENT."""
    [calendar] = vobject.readComponents(text, validate=True)
    return [
        [
            it.uid.value,
            it.summary.value,
            _moment(it.dtstart.value),
            len(getattr(it, "valarm_list", [])),
        ]
        for it in getattr(calendar, "vevent_list", [])
    ]


def with_ical_js(text: str, module: Path) -> Rows:
    """As `with_vobject`; fails on anything that node writes as a warning."""
    command = ["node", "-e", _SCRIPT, str(module)]
    run = subprocess.run(command, input=text.encode(), capture_output=True, check=False)  # noqa: S603 - our own
    assert (run.returncode, run.stderr) == (0, b"")
    read: Rows = json.loads(run.stdout)["events"]
    return read


def agreed(text: str) -> list[Any]:
    """The VEVENTs of icalendar, once vobject and (where it is installed) ical.js have read the same."""
    events = with_icalendar(text)
    rows = [
        [str(it["UID"]), str(it["SUMMARY"]), _moment(it["DTSTART"].dt), len(it.walk("VALARM"))]
        for it in events
    ]
    assert with_vobject(text) == rows
    module = ical_js()
    if module is not None:
        assert [[*it[:2], it[2].removesuffix("Z"), it[3]] for it in with_ical_js(text, module)] == [
            [*it[:2], it[2], it[3]] for it in rows
        ]
    return events


def _moment(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S") if hasattr(value, "hour") else value.isoformat()
