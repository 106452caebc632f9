# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /freebusy/<token>.ifb?start=...&end=...: a user's free and busy times as a VFREEBUSY, for programs that know a
free-busy URL (Outlook, Evolution) and nothing more.

Parameters and defaults follow CalConnect's Freebusy Read URL: `start`, and `end` or `period`; without them 42 days
from the start of this UTC day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request

from scheduling.availability import formats, links
from scheduling.availability.busy_time import of_user, version
from scheduling.composition import FOLLOWERS
from scheduling.errors import Invalid, NotFound
from scheduling.snapshot import PATIENCE, Snapshot
from server import conditional
from server.settings import Settings

_TOKEN = re.compile(r"[a-z2-7]{32}")
_PERIOD = re.compile(r"P(?:(\d{1,4})W|(\d{1,4})D)", re.ASCII)
_DAY = 86400
_DEFAULT = 42 * _DAY
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}


def create_free_busy(settings: Settings) -> Blueprint:
    """The blueprint with the one route."""
    blueprint = Blueprint("free_busy", __name__)
    database, keyring = settings.database(), settings.keyring()

    @blueprint.get("/freebusy/<token>.ifb")
    def free_busy(token: str) -> Response:
        if not _TOKEN.fullmatch(token):
            abort(404, "There is no such free-busy link.")
        with Snapshot(database, settings.config, patience=PATIENCE, followers=FOLLOWERS) as snapshot:
            username = links.find(snapshot.connection, keyring, token)
            if username is None or not snapshot.view.calendars.enabled:
                abort(404, "There is no such free-busy link.")
            try:
                found = of_user(snapshot, username, *_range(snapshot.now))
            except Invalid as bad:
                abort(400, str(bad))
            except NotFound:
                abort(404, "There is no such free-busy link.")
            headers = {**_HEADERS, "ETag": version(found)}
            if conditional.not_modified(request.environ, headers["ETag"], ""):
                return Response(status=304, headers=headers)
            body = formats.vfreebusy(found, snapshot.now, head="METHOD:PUBLISH\r\n")
        return Response(
            body, headers=headers, content_type="text/calendar; charset=utf-8; component=VFREEBUSY"
        )

    return blueprint


def _range(now: int) -> tuple[int, int]:
    start = _moment("start", now // _DAY * _DAY)
    if "end" in request.args:
        return start, _moment("end", 0)
    if "period" in request.args:
        match = _PERIOD.fullmatch(request.args["period"])
        if match is None:
            raise Invalid("The period must be a duration in days or weeks, such as P14D or P2W.")
        return start, start + (int(match[1]) * 7 if match[1] else int(match[2])) * _DAY
    return start, start + _DEFAULT


def _moment(name: str, default: int) -> int:
    given = request.args.get(name)
    if given is None:
        return default
    try:
        moment = datetime.fromisoformat(given.replace(" ", "+"))
        return int((moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp())
    except (ValueError, OverflowError):
        raise Invalid(f"The {name} must be a moment in ISO 8601, such as 20261201T000000Z.") from None
