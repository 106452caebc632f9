# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness produces figures on every peer, and notices a peer that answers something else."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from benchmarks import importing, loading, profile, triggers, tuning, unchanged
from benchmarks.__main__ import main
from benchmarks.measure import Effort, Mismatch, WrongAnswer, measure
from benchmarks.schedules.schedule import Ranges, blockers
from benchmarks.schedules.writer import WRITES, Writer
from benchmarks.servers import daysheet, vanilla
from benchmarks.servers.peers import OURS, PEERS, RADICALE
from benchmarks.tables import goals, plots, report
from benchmarks.tables import requests as tables
from benchmarks.tables.figures import Cost, Figures, Missing, Rate
from scheduling.database import schema
from scheduling.database.connection import Database

pytestmark = pytest.mark.early
MONDAY = date(2026, 11, 16)
REQUESTS = [
    *("CTag poll", "CTag and token poll", "home listing", "unchanged sync", "GET of an object"),
    *("multiget of 50", "week query", "etag listing", "initial sync", "whole .ics", "304 of the whole .ics"),
    *("free-busy of a month", "month query with expand"),
]
POLLS = [
    *("CTag poll", "CTag and token poll", "home listing", "unchanged sync", "GET of an object"),
    *("multiget of 50", "304 of the whole .ics"),
]
QUICK = Effort(seconds=0.0, clients=2, crowd_seconds=0.05)


def _document(folder: Path, *markers: str) -> Path:
    document = folder / "performance.md"
    text = "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in markers)
    document.write_text(f"before\n{text}after\n", encoding="utf-8")
    return document


def test_every_request_has_a_cost_on_every_peer(tmp_path: Path) -> None:
    document = _document(tmp_path, "goals", "requests", "clients", "memory")
    figures_file = tmp_path / "figures.json"
    options = ["--seconds", "0.01", "--crowd-seconds", "0.05", "--clients", "3"]
    files = ["--json", str(figures_file), "--write", str(tmp_path)]
    (figures,) = main(["--events", "30", *options, *files])
    _is_complete(figures)
    (kept,) = json.loads(figures_file.read_text(encoding="utf-8"))["sizes"]
    assert (kept["events"], list(kept["costs"])) == (30, REQUESTS)
    written = document.read_text(encoding="utf-8")
    assert written.startswith("before\n<!-- goals -->")
    assert written.endswith("<!-- /memory -->\nafter\n")
    assert "old" not in written
    assert "| CTag poll" in written
    assert "sends the calendar again" in written, "Radicale has no conditional GET"
    _is_a_picture(tmp_path / "performance-requests.svg")
    _is_a_picture(tmp_path / "performance-clients.svg")


def test_growth_is_shown(tmp_path: Path) -> None:
    document = _document(tmp_path, "goals", "growth", "requests", "memory")
    options = ["--seconds", "0.02", "--clients", "0", "--requests", "multiget of 50"]
    sizes = main(["--events", "40,20", "--peers", OURS[0], *options, "--write", str(tmp_path)])
    assert [it.events for it in sizes] == [20, 40]
    written = document.read_text(encoding="utf-8")
    assert "times dearer from 20 to 40 events" in written
    assert "| multiget of 50" in written
    _is_a_picture(tmp_path / "performance-growth.svg")


def _is_a_picture(file: Path) -> None:
    assert ET.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314


def _is_complete(figures: Figures) -> None:
    assert list(figures.costs) == REQUESTS
    assert list(figures.rates) == POLLS
    for name, costs in figures.costs.items():
        assert list(costs) == list(PEERS)
        for cost in costs.values():
            assert isinstance(cost, Cost), name
            assert cost.wall > 0
            assert cost.requests >= 2
            assert cost.facts > 0 or cost.note
    for rates in figures.rates.values():
        assert all(isinstance(it, Rate) and it.requests >= 3 and it.p99 >= it.median for it in rates.values())
    listed = [cost.facts for cost in figures.costs["etag listing"].values() if isinstance(cost, Cost)]
    assert listed == [figures.events] * len(PEERS)
    assert set(figures.memory) == set(PEERS)


def test_a_peer_that_lacks_one_event_is_noticed(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    url = str(ours / "daysheet.db")
    settings, password = daysheet.install(ours, url, list(blockers(60, MONDAY)))
    files = list(daysheet.texts(settings))[1:]
    settings.database().dispose()
    with (
        daysheet.running("daysheet", ours, url, password) as first,
        vanilla.running(theirs, files) as second,
        pytest.raises(Mismatch, match="etag listing: radicale lacks 1 of what daysheet answers"),
    ):
        measure([first, second], Ranges(monday=MONDAY), QUICK, events=60, names=["etag listing"])


def test_a_refused_request_is_no_figure(tmp_path: Path) -> None:
    with vanilla.running(tmp_path / "theirs", []) as peer, pytest.raises(WrongAnswer, match="401"):
        measure([dataclasses.replace(peer, password="wrong")], Ranges(monday=MONDAY), QUICK, events=0)


def test_a_request_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    url = str(ours / "daysheet.db")
    settings, _ = daysheet.install(ours, url, list(blockers(200, MONDAY)))
    files = list(daysheet.texts(settings))
    settings.database().dispose()
    effort = dataclasses.replace(QUICK, cap=0.1)
    with vanilla.running(tmp_path / "theirs", files) as peer:
        before = peer.server.pid
        found = measure(
            [peer],
            Ranges(monday=MONDAY),
            effort,
            events=200,
            names=["GET of an object", "month query with expand"],
        )
        assert peer.server.pid != before, "it would still be busy"
    assert isinstance(found.costs["GET of an object"][RADICALE], Cost)
    late = found.costs["month query with expand"][RADICALE]
    assert late == Missing(reason="more than 0.1 s", more_than=0.1)
    assert "> 0.1 s" in tables.requests(found, [RADICALE])


def test_a_goal_is_reached_by_a_lower_bound_too() -> None:
    cost = Cost(requests=1, cpu=0.01, database_cpu=0.0, wall=0.01, facts=1, size=1)
    request = "month query with expand"
    theirs = Missing(reason="more than 20 s", more_than=20.0)
    costs = {request: {OURS[0]: cost, OURS[1]: dataclasses.replace(cost, cpu=0.1), RADICALE: theirs}}
    table = tables.aims(Figures(events=goals.EVENTS, costs=costs))
    line = next(line for line in table.splitlines() if request in line)
    assert [cell.strip() for cell in line.split("|")[3:-1]] == ["500", "> 2,000", "yes", "> 200", "unknown"]


def test_memory_is_held_against_the_goal() -> None:
    memory = {OURS[0]: goals.MEMORY - 2**20, OURS[1]: goals.MEMORY, RADICALE: 2**26}
    table = tables.memory([Figures(events=1_000, costs={}, memory=memory)], [*OURS, RADICALE])
    cells = [it.strip() for it in table.splitlines()[-1].split("|")[1:-1]]
    assert cells == ["1,000", "150", "149", "yes", "150", "no", "64"]


def test_the_same_figures_draw_the_same_picture(tmp_path: Path) -> None:
    cost = Cost(requests=1, cpu=0.01, database_cpu=0.0, wall=0.01, facts=1, size=1)
    figures = Figures(events=10, costs={"CTag poll": dict.fromkeys(PEERS, cost)})
    for name in ("one.svg", "two.svg"):
        plots.costs(figures, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_larger_schedule_is_a_longer_one() -> None:
    year = [row for row in blockers(10_000, MONDAY) if row["rrule"] and "COUNT" not in row["rrule"]]
    decade = [row for row in blockers(30_000, MONDAY) if row["rrule"] and "COUNT" not in row["rrule"]]
    assert 0 < len(decade) < 2 * len(year)
    assert max(str(row["starts_at"] or "") for row in blockers(30_000, MONDAY)) > "2029"


def test_the_document_needs_its_markers(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    text = "<!-- goals -->\n<!-- /goals -->\n"
    document.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="<!-- requests -->"):
        report.put_all(document, {"goals": "text", "requests": "text"})
    assert document.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [document]


def test_a_document_without_its_markers_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _document(tmp_path, "goals", "requests", "memory", "clients")
    with pytest.raises(ValueError, match="<!-- growth -->"):
        main(["--events", "20,30", "--write", str(tmp_path)])
    assert capsys.readouterr().err == ""


def test_a_peer_whose_first_reading_takes_too_long_is_left_out(tmp_path: Path) -> None:
    effort = dataclasses.replace(QUICK, patience=0.0)
    with vanilla.running(tmp_path / "theirs", []) as peer:
        found = measure([peer], Ranges(monday=MONDAY), effort, events=0)
    assert set(found.costs) == set(REQUESTS)
    reason = "not run: first readings took more than 0 s"
    assert all(costs == {RADICALE: Missing(reason=reason)} for costs in found.costs.values())
    assert f"(1) {reason}." in tables.requests(found, [RADICALE])


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


def test_choices_are_measured(tmp_path: Path) -> None:
    document = _document(tmp_path, "tuning")
    tables_ = tuning.main(["--events", "30", "--seconds", "0.01", "--markdown", str(document)])
    written = document.read_text(encoding="utf-8")
    chosen = (
        *(
            "kept connection (chosen)",
            "page cache (chosen)",
            "level 1",
            "granian (chosen)",
            "gunicorn",
            "waitress",
        ),
        *("1 worker, 8 threads each (chosen)", "2 workers", "10 connections kept (chosen)"),
    )
    for row in chosen:
        [cells] = [it for table in tables_ for it in table.rows if row in it[0]]
        assert all(float(it.replace(",", "")) >= 0 for it in cells[1:])
        assert f"| {cells[0]}" in written


def test_a_request_is_divided_into_its_parts(tmp_path: Path) -> None:
    document = _document(tmp_path, "profile")
    requests = "CTag poll,free-busy of a month"
    options = ["--events", "30", "--seconds", "0.05", "--requests", requests]
    found, grown = profile.main([*options, "--markdown", str(document)])
    assert [(it.database, it.request) for it in found] == [
        (database, request) for database in ("SQLite", "PostgreSQL") for request in requests.split(",")
    ]
    for it in found:
        assert it.whole > 0
        assert it.parts["answer (server/)"] > 0
        assert it.parts["schedule (scheduling/, storage_plugin/)"] > 0
        assert ("SQLite" in it.parts, "psycopg, its socket included" in it.parts) == (
            it.database == "SQLite",
            it.database == "PostgreSQL",
        )
    written = document.read_text(encoding="utf-8")
    assert "| CPU µs, SQLite " in written
    assert "| CPU µs, PostgreSQL " in written
    for it in grown:
        assert list(it.after) == ["(started)", *(name for name in REQUESTS if not name.startswith("304"))]
        assert all(size > 2**24 for size in it.after.values())


def test_what_an_unchanged_feed_costs_is_measured() -> None:
    costs = unchanged.main(["--events", "20", "--runs", "1"])
    assert all(cost > 0 for cost in costs.values())
    assert "times cheaper" in costs


def test_an_import_is_measured_and_has_to_be_complete(tmp_path: Path) -> None:
    document = _document(tmp_path, "importing")
    figures = tmp_path / "figures.json"
    size = ["--subscriptions", "2", "--events", "5"]
    found = importing.main([*size, "--json", str(figures), "--markdown", str(document)])
    assert [it.name for it in found.cycles] == [name for name, _, _ in importing.CYCLES]
    assert found.cycles[0].cpu > 0
    assert all(it.peak > 2**24 for it in found.cycles)
    written = document.read_text(encoding="utf-8")
    assert "2 subscriptions of 5 events each" in written
    assert "| cycle " in written
    assert "events/s" in written
    assert all(f"| {it.name} " in written for it in found.cycles)
    assert json.loads(figures.read_text(encoding="utf-8"))["subscriptions"] == 2


def test_an_import_of_something_else_is_no_figure() -> None:
    with pytest.raises(SystemExit, match=r"'applied': 1, .* instead of .*'applied': 2"):
        importing.require({"applied": 1, "unchanged": 0, "failed": 1}, {"applied": 2})


def test_events_per_second_follow_from_the_wall_time() -> None:
    cycles = [
        importing.Cycle(name="first import", cpu=4.0, wall=2.0, peak=2**27, parsing=0.01),
        importing.Cycle(name="unchanged", cpu=-0.01, wall=0.1, peak=2**27, parsing=0.01),
    ]
    found = importing.Imported(subscriptions=100, events=50, cycles=cycles)
    first, unchanged_ = importing.table(found).splitlines()[-2:]
    assert [it.strip() for it in first.split("|")[2:-1]] == ["2,500", "40.00", "10.0", "0.2", "128"]
    assert [it.strip() for it in unchanged_.split("|")[2:-1]] == [*["too few"] * 4, "128"]
