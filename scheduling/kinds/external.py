# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calendars: one for each subscription, with the events that were imported, under the subscription's policy."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select

from scheduling.ical import series_json, timezones
from scheduling.ical.series import Series
from scheduling.ical.spans import Horizon
from scheduling.kinds import policy as import_policy
from scheduling.kinds.kind import IDS, NUMBER, USER, Kind, Look, Owner, SourceRow
from scheduling.kinds.policy import Policy
from scheduling.kinds.rendered import Rendered, build
from scheduling.models import ExternalEvent, Subscription


def _render(row: SourceRow, owner: Owner, _look: Look, horizon: Horizon) -> Rendered | None:
    policy = Policy(busy=row.policy_busy, tentative=row.policy_tentative, visibility=row.policy_visibility)
    series = series_json.loads(row.series)
    text, uid = row.template, row.uid
    if not policy.changes_nothing:
        series = import_policy.series(policy, series, text)
        text = import_policy.component(policy, text, owner.instance)
        if policy.visibility != "full":
            uid = import_policy.opaque_uid(uid, owner.instance)
    plain = series.rule is None and not (series.rdates or series.overrides or series.exdates)
    span = _as_single(series) if plain else series
    return build(
        uid=uid,
        source_id=row.id,
        text=text,
        span=span,
        tzid=owner.time_zone,
        status=import_policy.status(policy, row.status),
        transparency=import_policy.transparency(policy, row.transparency, row.status),
        busy=series.busy,
        horizon=horizon,
        zones=tuple(row.timezones.split()),
    )


def _as_single(series: Series) -> tuple[int, int] | tuple[date, date]:
    if isinstance(series.start, datetime) and isinstance(series.end, datetime):
        return timezones.to_epoch(series.start, series.tzid), timezones.to_epoch(series.end, series.tzid)
    return series.start, series.end


EXTERNAL = Kind(
    slug="external",
    event="external_ical",
    noun="outside calendar",
    entries="imported events",
    in_feed="outside calendars",
    description="An outside calendar of {name} that blocks time in the schedule. Read-only.",
    position=10,
    ids=select(ExternalEvent.id).where(
        ExternalEvent.subscription_id == NUMBER, ExternalEvent.user_id == USER
    ),
    rows=select(
        ExternalEvent,
        Subscription.busy.label("policy_busy"),
        Subscription.tentative.label("policy_tentative"),
        Subscription.visibility.label("policy_visibility"),
    )
    .join(Subscription, Subscription.id == ExternalEvent.subscription_id)
    .where(ExternalEvent.user_id == USER, ExternalEvent.id.in_(IDS)),
    render=_render,
    numbered=True,
    imported=True,
    held=select(Subscription.id).where(Subscription.id == NUMBER, Subscription.applying.is_not(None)),
)
