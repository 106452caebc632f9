# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet availability`: when people are free, slots for a crew, why a moment is taken, working hours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import click

from scheduling.access import users
from scheduling.availability import hours as working_hours
from scheduling.availability import links
from scheduling.availability import slots as availability_slots
from scheduling.availability.answer import Availability, answer
from scheduling.availability.busy_time import default_question
from scheduling.availability.explain import explain as explained
from scheduling.availability.hours import WEEKDAYS, Working
from scheduling.availability.people import caught_up
from scheduling.availability.slots import PERMITTED, Search
from scheduling.composition import FOLLOWERS
from scheduling.errors import Invalid
from scheduling.ical.timezones import from_epoch, is_zone, to_epoch
from scheduling.snapshot import Snapshot
from server import advice
from server.cli.terminal.manual import ManualGroup
from server.cli.terminal.output import json_option, moment, print_facts, print_json, print_table
from server.cli.terminal.session import Session, pass_session

_SHORT = {name[:3]: number for number, name in enumerate(WEEKDAYS)}
_HOURS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?=(.+)", re.IGNORECASE)
_PART = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)", re.ASCII)

_people = click.argument("usernames", nargs=-1, required=True, metavar="USERNAME...")
_start = click.option(
    "--start", required=True, metavar="MOMENT", help="In ISO 8601. Without a zone: the first user's zone."
)
_end = click.option(
    "--end", required=True, metavar="MOMENT", help="The end of the range, exclusive, in the same form."
)


@click.group(cls=ManualGroup)
def availability() -> None:
    """See when people are busy, free or unknown."""


@availability.command(
    "show",
    examples=(
        ("daysheet availability show anna bo --start 2026-12-01 --end 2026-12-05", "Two people's days."),
    ),
)
@_people
@_start
@_end
@json_option
@pass_session
def show(session: Session, *, usernames: Sequence[str], start: str, end: str, as_json: bool) -> None:
    """Show how the time of each USERNAME is taken. Moments are in the user's time zone."""
    found = _ask(session, usernames, start, end)
    rows = [
        (it.person.username, kind, low, high, it.person.time_zone)
        for it in found
        for low, high, kind in sorted(
            [
                *((p.start, p.end, p.fbtype) for p in it.periods),
                *((low, high, "FREE") for low, high in it.free),
            ]
        )
    ]
    if as_json:
        named = [
            {"user": user, "type": kind, "starts_at": moment(low), "ends_at": moment(high)}
            for user, kind, low, high, _ in rows
        ]
        print_json({"periods": named})
        return
    print_table(
        ("User", "Time is", "From", "To", "Time zone"),
        [(user, kind, _local(low, zone), _local(high, zone), zone) for user, kind, low, high, zone in rows],
        empty="There is nothing.",
    )


@availability.command(
    "slots",
    examples=(
        (
            "daysheet availability slots anna bo --length 90 --start 2026-12-01 --end 2026-12-05",
            "When both have an hour and a half free.",
        ),
    ),
)
@_people
@_start
@_end
@click.option("--length", type=int, required=True, metavar="MINUTES", help="How long a slot is.")
@click.option(
    "--step",
    type=int,
    default=15,
    show_default=True,
    metavar="MINUTES",
    help="From the start of one to the next.",
)
@click.option("--count", type=int, default=10, show_default=True, help="How many at most.")
@click.option("--need", type=int, help="How many of the users must be free. Without it, all.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(PERMITTED, case_sensitive=False),
    help="Also accept this time; may be given several times.",
)
@json_option
@pass_session
def slots(
    session: Session,
    *,
    usernames: Sequence[str],
    start: str,
    end: str,
    length: int,
    step: int,
    count: int,
    need: int | None,
    allow: Sequence[str],
    as_json: bool,
) -> None:
    """Find the first times at which all users are free, or as many of them as you need."""
    answers = _ask(session, usernames, start, end)
    wanted = len(answers) if need is None else need
    search = Search(length=length * 60, step=step * 60, count=count, need=wanted, permitted=allow)
    found = availability_slots.find(answers, search)
    if as_json:
        named = [
            {"starts_at": moment(it.start), "ends_at": moment(it.end), "users": list(it.usernames)}
            for it in found
        ]
        print_json({"slots": named})
        return
    zone = answers[0].person.time_zone
    print_table(
        ("From", "To", "Time zone", "Who"),
        [(_local(it.start, zone), _local(it.end, zone), zone, ", ".join(it.usernames)) for it in found],
        empty="There is no such time. Try a longer range, or --need.",
    )


@availability.command(
    "explain",
    examples=(('daysheet availability explain anna --at "2026-12-01 09:30"', "Why she is busy then."),),
)
@click.argument("username")
@click.option("--at", required=True, metavar="MOMENT", help="In ISO 8601. Without a zone: the user's zone.")
@json_option
@pass_session
def explain(session: Session, *, username: str, at: str, as_json: bool) -> None:
    """Say why USERNAME is busy, free or unknown at a moment."""
    with Snapshot(session.database, session.settings.config, followers=FOLLOWERS) as snapshot:
        calendars = snapshot.calendars_of(users.get(snapshot.connection, username).id)
        people = caught_up(snapshot, [username])
        second = _read(at, people[0].time_zone)
        question = default_question(snapshot.view.availability, second, second + 1)
        (found,) = answer(snapshot.connection, people, question, snapshot.now)
        why = explained(snapshot.connection, found, calendars, second)
    if as_json:
        reasons = [
            {
                "effect": it.effect,
                "rule": it.rule,
                "detail": advice.of_finding(it.rule, it.detail),
                "calendar": it.calendar,
                "event": None if it.event is None else it.event.id,
            }
            for it in why.reasons
        ]
        print_json({"effect": why.effect, "rule": why.rule, "reasons": reasons})
        return
    click.echo(f"{username}: {why.effect} ({why.rule})")
    print_table(
        ("Effect", "Rule", "Calendar", "Title", "Detail"),
        [
            (
                it.effect,
                it.rule,
                it.calendar,
                it.event and it.event.title,
                advice.of_finding(it.rule, it.detail),
            )
            for it in why.reasons
        ],
        empty="Nothing touches this moment.",
    )


@availability.command(
    "hours",
    examples=(
        ("daysheet availability hours anna", "Show the working hours."),
        (
            "daysheet availability hours anna mon-thu=08:00-12:00,13:00-17:00 fri=08:00-13:00",
            "Set the working hours.",
        ),
        ("daysheet availability hours anna --clear", "Delete the working hours: work at any time."),
    ),
)
@click.argument("username")
@click.argument("days", nargs=-1, metavar="[DAYS=HOURS]...")
@click.option("--clear", is_flag=True, help="Delete the working hours.")
@json_option
@pass_session
def hours(session: Session, *, username: str, days: Sequence[str], clear: bool, as_json: bool) -> None:
    """Show or set the weekly working hours of USERNAME, in the user's time zone."""
    if days or clear:
        wanted = [] if clear else [part for given in days for part in _parts(given)]
        with session.database.write() as connection:
            user_id = users.get(connection, username).id
            found = working_hours.store(connection, user_id, wanted, actor=session.actor)
    else:
        with session.database.read() as connection:
            found = working_hours.of_user(connection, users.get(connection, username).id, actor=session.actor)
    shown = {
        name: [f"{working_hours.clock(it.starts)}-{working_hours.clock(it.ends)}" for it in parts]
        for name, parts in working_hours.by_weekday(found).items()
    }
    if as_json:
        print_json(shown)
    elif not found:
        click.echo(f"{username} works at any time.")
    else:
        print_facts(
            f"Working hours of {username}", [(name, ", ".join(it) or "-") for name, it in shown.items()]
        )


@availability.command(
    "link",
    examples=(
        ("daysheet availability link anna", "Show the link. The first time it is made."),
        ("daysheet availability link anna --renew", "End the old link and make a new one."),
    ),
)
@click.argument("username")
@click.option("--renew", is_flag=True, help="Make a new link. The old one stops working.")
@click.option("--revoke", is_flag=True, help="End the link.")
@json_option
@pass_session
def link(session: Session, *, username: str, renew: bool, revoke: bool, as_json: bool) -> None:
    """Show the secret link that tells programs when USERNAME is busy, and never why."""
    if renew and revoke:
        raise click.UsageError("Give either --renew or --revoke.")
    with session.database.write() as connection:
        user_id = users.get(connection, username).id
        if revoke:
            links.revoke(connection, user_id, actor=session.actor)
            token = None
        elif renew or not links.exists(connection, user_id):
            token = links.renew(connection, session.keyring, user_id, actor=session.actor)
        else:
            token = links.show(connection, session.keyring, user_id, actor=session.actor)
    url = None if token is None else session.settings.url(links.path_of(token))
    if as_json:
        print_json({"url": url})
    else:
        click.echo(url or f"Ended the free-busy link of {username}.")


def _ask(session: Session, usernames: Sequence[str], start: str, end: str) -> list[Availability]:
    with Snapshot(session.database, session.settings.config, followers=FOLLOWERS) as snapshot:
        people = caught_up(snapshot, usernames)
        zone = people[0].time_zone
        question = default_question(snapshot.view.availability, _read(start, zone), _read(end, zone))
        return answer(snapshot.connection, people, question, snapshot.now)


def _read(given: str, tzid: str) -> int:
    try:
        meant = datetime.fromisoformat(given.strip())
        if meant.tzinfo is not None:
            return int(meant.timestamp())
        return to_epoch(meant, tzid if is_zone(tzid) else "UTC")
    except (ValueError, OverflowError):
        raise Invalid(
            f"{given[:40]!r} is not a moment; examples are 2026-12-01 and 2026-12-01T09:30+01:00."
        ) from None


def _parts(given: str) -> list[Working]:
    match = _HOURS.fullmatch(given)
    first = _SHORT.get(match[1].lower()) if match else None
    last = _SHORT.get((match[2] or match[1]).lower()) if match else None
    if match is None or first is None or last is None:
        raise Invalid(f"{given[:40]!r} are no working hours; an example is mon-fri=08:00-12:00,13:00-17:00.")
    found = []
    for part in match[3].split(","):
        times = _PART.fullmatch(part.strip())
        if times is None:
            raise Invalid(f"{part[:40]!r} is not a part of a day; an example is 08:00-12:00.")
        from_hour, from_minute, to_hour, to_minute = (int(it) for it in times.groups())
        found += [
            Working(weekday=day % 7, starts=from_hour * 60 + from_minute, ends=to_hour * 60 + to_minute)
            for day in range(first, last + 1 if last >= first else last + 8)
        ]
    return found


def _local(epoch: int, tzid: str) -> str:
    return f"{from_epoch(epoch, tzid if is_zone(tzid) else 'UTC'):%Y-%m-%d %H:%M}"
