# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of many clients: every kind of poll as a message for one user, and the check of its answer."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.traffic import bodies
from benchmarks.traffic.accounts import Account, Known
from benchmarks.traffic.crowd import Request, message

MULTIGET = 10
"""Objects that a client asks for together."""
CTAG, SYNC, MULTI, FEED = "CTag poll", "unchanged sync", f"multiget of {MULTIGET}", "feed, 304"
HOME, FIRST = "home listing", "home listing, password unused for long"
MIX: Mapping[str, int] = {CTAG: 40, SYNC: 40, MULTI: 10, FEED: 10}
"""Per cent of all requests."""
KINDS = (*MIX, HOME, FIRST)
_CTAG, _HOME = bodies.propfind(bodies.CTAG), bodies.propfind(bodies.HOME)
Check = Callable[[bytes], str]


@dataclass(kw_only=True, slots=True)
class Polls:
    """Requests of random users. `feed_etags` are those of the feeds by username."""

    accounts: list[Account]
    feed_etags: Mapping[str, str] = field(default_factory=dict)
    rng: random.Random = field(default_factory=random.Random)

    def mixed(self) -> Request:
        """One of `MIX`."""
        (kind,) = self.rng.choices(list(MIX), weights=list(MIX.values()))
        return self.one(kind)

    def one(self, kind: str) -> Request:
        """One of this kind from anybody."""
        return self.of(kind, self.rng.choice(self.accounts))

    def of(self, kind: str, account: Account) -> Request:
        """One of this kind from one user, of a random calendar."""
        calendar = self.rng.choice(account.calendars)
        if kind == CTAG:
            return _propfind(kind, account, calendar.slug + "/", "0", _CTAG, _holds(calendar.etag))
        if kind == SYNC:
            return _report(kind, account, calendar, bodies.sync(calendar.token), _unchanged(calendar.token))
        if kind == MULTI:
            return self._multiget(account)
        if kind == FEED:
            return _feed(account, self.feed_etags[account.username])
        return _propfind(kind, account, "", "1", _HOME, _holds(*(it.etag for it in account.calendars)))

    def _multiget(self, account: Account) -> Request:
        """Some objects of the largest calendar, as after a change."""
        calendar = max(account.calendars, key=lambda it: len(it.objects))
        some = self.rng.sample(calendar.objects, min(MULTIGET, len(calendar.objects)))
        collection = f"/dav/{account.username}/{calendar.slug}/"
        body = bodies.multiget(collection, (name for name, _ in some))
        parts = [part for pair in some for part in pair]
        return _report(MULTI, account, calendar, body, _holds(*parts, events=len(some)))


def first_feed(account: Account, objects: int, found: dict[str, str]) -> Request:
    """The whole feed, which has to hold `objects` events; its entity tag is put into `found`."""

    def check(answer: bytes) -> str:
        head, _, body = answer.partition(b"\r\n\r\n")
        events = body.count(b"BEGIN:VEVENT")
        if events != objects:
            return f"{events} events instead of {objects}"
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"etag":
                found[account.username] = value.strip().decode()
                return ""
        return "no entity tag"

    return Request(message=message("GET", account.feed, {}), right=[200], kind="whole feed", check=check)


def _feed(account: Account, etag: str) -> Request:
    text = message("GET", account.feed, {"If-None-Match": etag})
    return Request(message=text, right=[304], kind=FEED, check=_holds(etag.strip('"')))


def _propfind(kind: str, account: Account, below: str, depth: str, body: str, check: Check) -> Request:
    return _dav("PROPFIND", kind, account, below, {"Depth": depth}, body, check)


def _report(kind: str, account: Account, calendar: Known, body: str, check: Check) -> Request:
    return _dav("REPORT", kind, account, calendar.slug + "/", {"Depth": "1"}, body, check)


def _dav(
    method: str, kind: str, account: Account, below: str, headers: dict[str, str], body: str, check: Check
) -> Request:
    login = b64encode(f"{account.username}:{account.password}".encode()).decode()
    fields = {"Authorization": f"Basic {login}", **headers, **bodies.XML}
    text = message(method, f"/dav/{account.username}/{below}", fields, body)
    return Request(message=text, right=[207], kind=kind, check=check)


def _holds(*parts: str, events: int = 0) -> Check:
    """A check that all `parts` are in the answer, with exactly this many events."""
    wanted = [part.encode() for part in parts]

    def check(answer: bytes) -> str:
        missing = [part for part in wanted if part not in answer]
        found = answer.count(b"BEGIN:VEVENT")
        if missing:
            return f"nothing of {missing[0]!r}"
        return "" if found == events else f"{found} events instead of {events}"

    return check


def _unchanged(token: str) -> Check:
    """That the token is the one given and no member is named (RFC 6578, section 3.2)."""
    expected = token.encode()

    def check(answer: bytes) -> str:
        if expected not in answer:
            return "another token"
        return "members" if b".ics" in answer else ""

    return check
