# SPDX-License-Identifier: GPL-3.0-or-later
"""/ical-subscriptions:preview: what would become of a calendar, before anybody subscribes to it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from scheduling.access.permissions import Permission
from scheduling.errors import Invalid, NotFound
from scheduling.subscriptions import events as imported_events
from scheduling.subscriptions import own_events, subscriptions
from server import importing
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.problems import Refused
from server.api.protocol.values import Given, Shown, ShownEpoch, Username
from server.api.subscriptions.subscriptions import CredentialsGiven, Link, credentials_of

routes = Routes(
    tag="Previews of subscriptions",
    about="How an outside calendar would be imported, before anybody subscribes to it.",
)
Text = Annotated[str, StringConstraints(min_length=1, max_length=5_000_000)]


class PreviewGiven(Given):
    """A calendar to look at: either `url` or `calendar`."""

    user: Username = Field(
        description="The user who would get the calendar. The time zone and the own events of this user count."
    )
    url: Link | None = Field(default=None, description="The .ics link. It is fetched now and not stored.")
    credentials: CredentialsGiven | None = Field(
        default=None, description="The credentials of the url. They are not stored."
    )
    calendar: Text | None = Field(default=None, description="The text of an .ics file.")
    subscription_id: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="A subscription of this user to compare with."
    )


class RuleShown(Shown):
    """A rule that decided something about an event."""

    rule: str = Field(description="The name of the rule. It does not change.")
    sentence: str


class SpanShown(Shown):
    """A period of time."""

    starts_at: ShownEpoch
    ends_at: ShownEpoch | None = Field(description="Exclusive. Null if it does not end.")
    busy: str = Field(description="BUSY, BUSY-TENTATIVE, BUSY-UNAVAILABLE, or empty for free.")


class JudgedShown(Shown):
    """An event of the calendar. What follows `rules` is null or empty where it is skipped."""

    line: int
    uid: str | None
    outcome: Literal["imported", "unchanged", "own", "skipped"]
    rules: list[RuleShown]
    summary: str | None
    busy: str | None
    all_day: bool | None
    recurring: bool | None
    time_zone: str | None
    extent: SpanShown | None = Field(description="The start and end of all its occurrences together.")
    occurrences: list[SpanShown] = Field(description="The first occurrences that end in the future.")


class Preview(Shown):
    """What would become of a calendar."""

    name: str | None
    time_zone: str | None = Field(description="The zone that the calendar names (X-WR-TIMEZONE).")
    events: list[JudgedShown]
    others: dict[str, int] = Field(description="How many of its components are never imported.")


@routes.operation("POST", "/ical-subscriptions:preview", returns=Preview, refuses=(404, 422), reads=True)
def preview_subscription(call: Call, body: PreviewGiven) -> Reply:
    """Look at a calendar without importing it.

    The answer says how each event would be imported, and by which rules. Nothing is stored.
    """
    user = owner(call, body.user, Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_OWN)
    if (body.url is None) == (body.calendar is None):
        raise Invalid("Give either url or calendar.")
    if body.url is None and body.credentials is not None:
        raise Invalid("Credentials belong to a url.")
    zone, is_given = user.time_zone, False
    stored: dict[str, str] = {}
    if body.subscription_id is not None:
        compared = subscriptions.get(call.connection, body.subscription_id, actor=call.actor)
        if compared.user_id != user.id:
            raise NotFound(f"There is no subscription {body.subscription_id} of this user.")
        zone, is_given = compared.time_zone or zone, compared.time_zone is not None
        stored = imported_events.hashes(call.connection, body.subscription_id)
    try:
        found = importing.preview_of(
            call.settings,
            url=body.url,
            credentials=credentials_of(body.credentials),
            body=(body.calendar or "").encode("utf-8", "replace"),
            time_zone=zone,
            zone_is_given=is_given,
            email=user.email,
            stored=stored,
            own=lambda uids: own_events.own_uids(call.connection, call.keyring, user.id, uids),
        )
    except importing.Busy as error:
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers={"Retry-After": "5"}) from None
    return Reply(body=shown(found))


def shown(found: importing.Preview) -> Preview:
    """As it is answered."""
    return Preview(
        name=found.name,
        time_zone=found.time_zone,
        events=[_event(it) for it in found.events],
        others=dict(found.others),
    )


def _event(it: importing.Judged) -> JudgedShown:
    return JudgedShown(
        line=it.line,
        uid=it.uid,
        outcome=it.outcome,
        rules=[RuleShown(rule=note.rule, sentence=note.sentence) for note in it.rules],
        summary=it.summary,
        busy=it.busy,
        all_day=it.all_day,
        recurring=it.recurring,
        time_zone=it.time_zone,
        extent=None if it.extent is None else _span(it.extent),
        occurrences=[_span(span) for span in it.occurrences],
    )


def _span(it: importing.Span) -> SpanShown:
    return SpanShown(starts_at=it.starts_at, ends_at=it.ends_at, busy=it.busy)
