# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness produces figures on every peer, and notices a peer that answers something else."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from benchmarks import loading, peers, report, triggers, unchanged
from benchmarks.__main__ import PEERS, main
from benchmarks.measure import Mismatch, WrongAnswer, measure
from benchmarks.schedule import Ranges, blockers
from benchmarks.writer import WRITES, Writer
from scheduling import schema
from scheduling.database import Database

MONDAY = date(2026, 11, 16)
REQUESTS = [
    *("CTag poll", "CTag and token poll", "etag listing", "initial sync", "unchanged sync", "week query"),
    *("month query with expand", "multiget of 50", "whole .ics", "free-busy of a month"),
]


def test_every_request_has_a_cost_on_every_peer(tmp_path: Path) -> None:
    document, figures_file = tmp_path / "performance.md", tmp_path / "figures.json"
    document.write_text("before\n<!-- requests -->\nold\n<!-- /requests -->\nafter\n", encoding="utf-8")
    files = ["--json", str(figures_file), "--markdown", str(document)]
    figures = main(["--events", "200", "--seconds", "0.02", *files])
    assert list(figures.costs) == REQUESTS
    for costs in figures.costs.values():
        assert list(costs) == list(PEERS)
        assert all(cost.cpu > 0 and cost.requests >= 2 and cost.size > 0 for cost in costs.values())
    listed = {peer: figures.costs["etag listing"][peer].facts for peer in PEERS}
    assert listed == dict.fromkeys(PEERS, 200)
    assert all(figures.costs[name][PEERS[0]].facts for name in REQUESTS)
    assert set(figures.memory) == set(PEERS)
    assert list(json.loads(figures_file.read_text(encoding="utf-8"))["costs"]) == REQUESTS
    written = document.read_text(encoding="utf-8")
    assert written.startswith("before\n<!-- requests -->")
    assert written.endswith("<!-- /requests -->\nafter\n")
    assert "old" not in written
    assert "| CTag poll" in written


def test_a_peer_that_lacks_one_event_is_noticed(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    url = str(ours / "daysheet.db")
    settings, password = peers.install(ours, url, list(blockers(60, MONDAY)))
    files = list(peers.texts(settings))[1:]
    settings.database().dispose()
    ranges = Ranges(monday=MONDAY)
    with (
        peers.daysheet("daysheet", ours, url, password) as daysheet,
        peers.radicale(theirs, files) as radicale,
        pytest.raises(Mismatch, match="etag listing: radicale lacks 1 of what daysheet answers"),
    ):
        measure([daysheet, radicale], ranges, seconds=0.0)


def test_a_refused_request_is_no_figure(tmp_path: Path) -> None:
    with peers.radicale(tmp_path / "theirs", []) as radicale, pytest.raises(WrongAnswer, match="401"):
        measure([dataclasses.replace(radicale, password="wrong")], Ranges(monday=MONDAY), seconds=0.0)


def test_the_document_needs_its_markers(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(ValueError, match="<!-- requests -->"):
        report.put(document, "requests", "text")


def test_an_unknown_peer_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--peers", "daysheet-oracle"])
    assert "there is no peer 'daysheet-oracle'; there are daysheet-sqlite" in capsys.readouterr().err


def test_triggers_are_measured_on_both_databases(capsys: pytest.CaptureFixture[str]) -> None:
    costs, caught_up = triggers.main(["--jobs", "50"])
    assert [(it.database, it.write) for it in costs] == [
        (database, write) for database in ("SQLite", "PostgreSQL") for write in WRITES
    ]
    assert all(it.without > 0 and it.with_triggers > 0 for it in costs)
    assert [(it.database, it.objects) for it in caught_up] == [("SQLite", 50), ("PostgreSQL", 50)]
    assert "difference" in capsys.readouterr().out


@pytest.mark.parametrize(("kept", "changes"), [(True, 200), (False, 0)])
def test_the_writer_writes_with_and_without_triggers(tmp_path: Path, kept: bool, changes: int) -> None:
    file = tmp_path / "daysheet.db"
    database = Database(f"sqlite:///{file}")
    schema.upgrade(database)
    database.dispose()
    with Writer(str(file)) as writer:
        writer.add_users()
        if not kept:
            writer.drop_triggers()
        for write in WRITES.values():
            write(writer, 50)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM schedule_changes").fetchone() == (changes,)
        assert connection.execute("SELECT count(*) FROM job_assignments").fetchone() == (100,)


def test_loading_is_measured_both_ways_on_both_databases(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("<!-- loading -->\n<!-- /loading -->\n", encoding="utf-8")
    found = loading.main(["--jobs", "1100", "--markdown", str(document)])
    ways = [f"{way}, {what}" for way in ("API", "daysheet load") for what in ("new", "changed", "unchanged")]
    assert [(it.database, it.way) for it in found] == [
        (name, way) for name in ("SQLite", "PostgreSQL") for way in ways
    ]
    assert all(it.seconds > 0 for it in found)
    assert "| PostgreSQL: API, changed" in document.read_text(encoding="utf-8")


def test_what_an_unchanged_feed_costs_is_measured() -> None:
    costs = unchanged.main(["--events", "20", "--runs", "1"])
    assert all(cost > 0 for cost in costs.values())
    assert "times cheaper" in costs
