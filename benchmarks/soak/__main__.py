# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.soak`: polls, a writer, imports, an attacker and killed workers, all at once, for half an hour.

Well-behaved clients get their answers, or 503 with Retry-After; memory stays where it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.servers import postgresql
from benchmarks.servers.peers import POSTGRESQL, SQLITE
from benchmarks.soak.course import Course, Plan, run
from benchmarks.tables import report
from benchmarks.tables.figures import half_and_most

SLOWEST = 0.5
"""Seconds of the slowest hundredth of well-behaved requests, at most."""
GROWTH = 1.25
"""How much more memory the last quarter may take than the second."""


def verdict(course: Course) -> list[str]:
    """What is not as it has to be, one sentence each."""
    faults = (
        [f"{len(course.found.wrong)} wrong answers: {course.found.wrong[:5]}."] if course.found.wrong else []
    )
    p99 = half_and_most(sorted(course.found.seconds))[1]
    if p99 > SLOWEST:
        faults.append(f"The slowest hundredth of the requests took {p99:.2f} s.")
    second, last = _quarters(course.memory)
    if last > second * GROWTH:
        faults.append(f"Memory grew from {second / 2**20:.0f} to {last / 2**20:.0f} MiB.")
    return faults


def _quarters(memory: Sequence[int]) -> tuple[float, float]:
    """The median of the second and of the last quarter."""
    quarter = max(1, len(memory) // 4)
    return median(memory[quarter : 2 * quarter] or memory), median(memory[-quarter:])


def table(courses: Mapping[str, Course]) -> str:
    """A line for each database."""
    head = ["database", "polls", "503", "asked again", "wrong", "median s", "p99 s", "most s"]
    head += ["kills", "jobs", "writer, most s", "MiB, 2nd quarter", "last", "most"]
    rows = []
    for name, course in courses.items():
        times = sorted(course.found.seconds)
        middle, p99 = half_and_most(times)
        second, last = _quarters(course.memory)
        numbers = [len(times), course.found.later, course.found.again, len(course.found.wrong)]
        rows.append(
            [
                name,
                *(f"{number:,}" for number in numbers),
                *(f"{seconds:.3f}" for seconds in (middle, p99, times[-1])),
                *(f"{number:,}" for number in (course.kills, course.written)),
                f"{course.longest_write:.3f}",
                *(f"{octets / 2**20:.0f}" for octets in (second, last, max(course.memory))),
            ]
        )
    return report.markdown(head, rows)


def main(arguments: Sequence[str] | None = None) -> dict[str, Course]:
    """Run, and print the table and what became of the attacks. Raises SystemExit where something is amiss."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="on each database; default: %(default)s")
    parser.add_argument("--databases", default=f"{SQLITE},{POSTGRESQL}", help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds; default: %(default)s")
    given = parser.parse_args(arguments)
    plan = Plan(seconds=given.minutes * 60, clients=given.clients, kill_every=given.kill_every)
    courses = {name: course(name, plan) for name in given.databases.split(",")}
    print(report.machine(), f"{given.minutes:g} minutes on each database.\n", sep="\n")
    print(table(courses))
    faults = []
    for name, one in courses.items():
        print(
            f"\nAttacks on {name}: {', '.join(f'{what} ({count})' for what, count in sorted(one.attacks.items()))}"
        )
        faults += [f"{name}: {fault}" for fault in verdict(one)]
    if faults:
        sys.exit("\n".join(faults))
    return courses


def course(name: str, plan: Plan) -> Course:
    """One course on a database of this kind."""
    with tempfile.TemporaryDirectory(prefix="daysheet-soak-") as folder:
        if name == SQLITE:
            return run(Path(folder), str(Path(folder, "daysheet.db")), plan)
        with postgresql.running() as server:
            return run(Path(folder), server.create(), plan)


if __name__ == "__main__":
    main()
