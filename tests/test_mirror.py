# SPDX-License-Identifier: GPL-3.0-or-later
"""`tests/` mirrors the packages: where a module's tests are is known from its path.

`tests/a/b/test_c.py` tests `a/b/c.py` (or the package `a/b/c/`). `test_c_aspect.py` beside it tests one aspect of the
same module. A test of what several modules do together is listed here, with the reason why it belongs to none of them.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]

TOGETHER: dict[str, tuple[str, ...]] = {
    "the whole repository": (
        "test_architecture",
        "test_config_examples",
        "test_crash",
        "test_docs",
        "test_mirror",
        "test_secrets_stay_secret",
        "test_soak",
    ),
    "every page in every look": ("server/pages/test_looks",),
    "other people's calendar programs against the whole server": (
        "interop/test_caldav",
        "interop/test_scheduling",
        "interop/test_vdirsyncer",
    ),
    "a calendar's whole way through the importer, from a socket to the database": (
        "importer/test_corpus",
        "importer/test_credentials",
        "importer/test_hostile",
        "importer/test_import_store",
        "importer/test_kill",
        "importer/test_own_events",
        "importer/test_sharing",
        "importer/test_threats",
        "importer/test_unknown_time",
    ),
    "SQL of docs/scaling.md": ("scheduling/test_partitioned",),
    "every operation of the REST API": ("server/api/test_schemathesis", "server/api/test_super_admin"),
    "the program as a shell sees it": ("server/cli/test_every_command", "server/cli/test_program"),
    "CalDAV requests through application, fast answers, Radicale and storage plugin": (
        "server/dav/test_access",
        "server/dav/test_bounds",
        "server/dav/test_conditional",
        "server/dav/test_discovery",
        "server/dav/test_faults",
        "server/dav/test_free_busy",
        "server/dav/test_hostile",
        "server/dav/test_large_calendar",
        "server/dav/data/test_partial_data",
        "server/dav/test_read_only",
        "server/dav/test_sync",
        "server/dav/test_torn_characters",
        "server/dav/data/test_time_zones",
    ),
    "several doors of one server have to agree": (
        "server/test_access_table",
        "server/front/test_database_file",
        "server/front/test_crowded",
        "server/front/test_disk_full",
        "server/test_followers",
        "server/api/schedule/test_one_rule",
        "server/test_outside_calendars",
        "server/test_readers",
    ),
    "several processes beside one another, and what each of them loads": (
        "server/front/test_processes_doctor",
        "server/test_importer_at_work",
        "server/test_importer_beside_server",
        "server/test_loading",
        "server/test_worker_memory",
    ),
    "the plugins without our server": (
        "storage_plugin/test_plain_radicale",
        "storage_plugin/test_radicale_surface",
    ),
}


def files_of_tests(root: Path) -> list[str]:
    """Every test file below `root`/tests, from there and without its ending."""
    tests = root / "tests"
    return sorted(file.relative_to(tests).with_suffix("").as_posix() for file in tests.rglob("test_*.py"))


def module_of(test: str, root: Path) -> PurePosixPath | None:
    """The module that a test file is about by its name: the longest that exists where the file's place is mirrored."""
    place = PurePosixPath(test)
    words = place.name.split("_")[1:]
    for length in range(len(words), 0, -1):
        name = "_".join(words[:length])
        for module in (place.parent / f"{name}.py", place.parent / name / "__init__.py"):
            if (root / module).is_file():
                return module
    return None


def test_every_test_file_is_where_its_module_is_or_says_why_it_has_none() -> None:
    listed = {test for tests in TOGETHER.values() for test in tests}
    assert [
        test for test in files_of_tests(ROOT) if module_of(test, ROOT) is None and test not in listed
    ] == []


def test_nothing_is_listed_that_has_a_module_or_is_gone() -> None:
    listed = [test for tests in TOGETHER.values() for test in tests]
    assert len(listed) == len(set(listed))
    assert [test for test in listed if not (ROOT / "tests" / f"{test}.py").is_file()] == []
    assert [test for test in listed if module_of(test, ROOT) is not None] == []


def test_a_module_is_found_by_name_and_by_aspect_and_not_elsewhere(tmp_path: Path) -> None:
    for name in ("a/b/time_zones.py", "a/load/__init__.py", "tests/a/b/test_time_zones.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert files_of_tests(tmp_path) == ["a/b/test_time_zones"]
    assert module_of("a/b/test_time_zones", tmp_path) == PurePosixPath("a/b/time_zones.py")
    assert module_of("a/b/test_time_zones_far_away", tmp_path) == PurePosixPath("a/b/time_zones.py")
    assert module_of("a/test_load", tmp_path) == PurePosixPath("a/load/__init__.py")
    assert module_of("a/b/test_time", tmp_path) is None
    assert module_of("a/test_time_zones", tmp_path) is None
