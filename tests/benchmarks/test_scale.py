# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.scale` fills, polls, checks, counts and reports; a wrong answer is no figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.schedules.population import Filled
from benchmarks.servers import vanilla
from benchmarks.servers.statements import Executed, Size
from benchmarks.tables import capacity
from benchmarks.tables.capacity import Phase, Scale
from benchmarks.traffic.accounts import Account, Known
from benchmarks.traffic.client import WrongAnswer
from benchmarks.traffic.crowd import Request, message, send
from benchmarks.traffic.mix import CTAG, FEED, FIRST, HOME, KINDS, MIX, MULTI, SYNC, Polls

ACCOUNT = Account(
    username="anna",
    password="secret",
    feed="/feeds/x.ics",
    calendars=[Known(slug="jobs", etag="e1", token="t1", objects=[("a.ics", "e2"), ("b.ics", "e3")])],
)


def test_a_small_run_is_complete(tmp_path: Path) -> None:
    document = tmp_path / "scaling.md"
    markers = ("mix", "polls", "stored", "plan")
    document.write_text("".join(f"<!-- {it} -->\nold\n<!-- /{it} -->\n" for it in markers), encoding="utf-8")
    figures = tmp_path / "figures.json"
    size = ["--users", "5", "--objects", "10", "--clients", "2", "--connections", "2", "--fillers", "0"]
    files = ["--json", str(figures), "--markdown", str(document)]
    found = scale.main([*size, "--seconds", "0.1", "--settle", "0", *files])
    assert [it.kind for it in found.kinds] == list(KINDS)
    for phase in found.kinds:
        assert phase.requests >= 4
        assert phase.p99 >= phase.median > 0
        assert phase.executed is not None
        assert phase.executed_for == 5
    executed = {it.kind: it.executed for it in found.kinds}
    for kind in (CTAG, SYNC):
        # Login, settings and state of the calendar are one statement without a transaction.
        assert executed[kind] == Executed(statements=5, around=0, ledger=0)
    assert found.mix.requests >= 4
    assert len(found.memory) == len(found.feeds_memory) == scale.SERVERS
    assert "calendar_objects" in [it.table for it in found.sizes]
    assert json.loads(figures.read_text(encoding="utf-8"))["filled"]["users"] == 5
    written = document.read_text(encoding="utf-8")
    assert "old" not in written
    assert all(f"| {kind}" in written for kind in KINDS)


def test_the_mix_is_what_it_says() -> None:
    polls = Polls(accounts=[ACCOUNT], feed_etags={"anna": '"f1"'})
    kinds = [polls.mixed().kind for _ in range(2000)]
    assert sum(MIX.values()) == 100
    for kind, share in MIX.items():
        assert abs(kinds.count(kind) / 20 - share) < 5


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (CTAG, b"e1", b"e9"),
        (SYNC, b"t1", b"t1 a.ics"),
        (MULTI, b"a.ics e2 BEGIN:VEVENT b.ics e3 BEGIN:VEVENT", b"a.ics e2 BEGIN:VEVENT b.ics e3"),
        (FEED, b"ETag: f1", b"ETag: f2"),
        (HOME, b"e1", b""),
        (FIRST, b"e1", b"e1 BEGIN:VEVENT"),
    ],
)
def test_answers_are_checked(kind: str, right: bytes, wrong: bytes) -> None:
    request = Polls(accounts=[ACCOUNT], feed_etags={"anna": '"f1"'}).of(kind, ACCOUNT)
    assert request.check is not None
    assert request.check(right) == ""
    assert request.check(wrong)


def test_a_wrong_answer_ends_the_run(tmp_path: Path) -> None:
    with vanilla.running(tmp_path / "theirs", []) as peer:
        text = message("GET", "/.web/", {})
        known = Request(
            message=text, right=[200, 302, 401, 403, 404], kind="page", check=lambda _: "nonsense"
        )
        with pytest.raises(WrongAnswer, match="the server answered nonsense to page"):
            send(peer.port, lambda: known, clients=1, seconds=1, patience=10)


def test_what_more_users_need_follows_from_the_costs() -> None:
    phases = [
        Phase(kind=kind, requests=1000, took=1.0, server_cpu=1.0, database_cpu=0.5, median=0.001, p99=0.002)
        for kind in KINDS
    ]
    size = Size(table="calendar_objects", data=2**30, indexes=2**30)
    filled = Filled(users=10, objects=10, writing=1, logins=1, catching_up=1)
    figures = Scale(filled=filled, mix=phases[0], kinds=phases, memory=[], feeds_memory=[], sizes=[size])
    table = capacity.plan(figures)
    cells = [cell.strip() for cell in table.splitlines()[-1].strip("|").split("|")]
    rate = sum(capacity.RATES.values()) * 100_000
    # A thousandth of a second each, three times as many at the peak, cores half used.
    cores = [f"{rate * 0.001 * 6:,.1f}", f"{rate * 0.0005 * 6:,.1f}"]
    assert cells == ["100,000", f"{rate:,.0f}", f"{rate * 3:,.0f}", *cores, "20,000.0"]
