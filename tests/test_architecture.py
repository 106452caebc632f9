# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package may import what, and the shape every module has, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 600

MAY_IMPORT: dict[str, set[str]] = {
    "scheduling": set(),
    "storage_plugin": {"scheduling"},
    "auth_plugin": {"scheduling"},
    "importer": {"scheduling"},
    "server": {"scheduling"},
}

# The one door from the server to the importer: its settings, its loop, which addresses it would fetch, and a look at
# what it would do.
DOORS = {
    ("server/settings.py", "importer.config"),
    ("server/importing.py", "importer.fetch.admission"),
    ("server/importing.py", "importer.daemon"),
    ("server/importing.py", "importer.preview"),
}

ONLY_IN: dict[str, set[str]] = {
    "sqlalchemy": {"scheduling"},
    "radicale": {"storage_plugin", "auth_plugin", "server"},
}

# Serving and fetching are other packages' business.
NOT_IN_SCHEDULING = {
    *("aiohttp", "caldav", "flask", "granian", "http", "httpx", "niquests", "radicale", "requests", "socket"),
    *("socketserver", "urllib.request", "urllib3", "werkzeug", "wsgiref"),
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports from elsewhere than its own package."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def offences(package: str, forbidden: set[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in modules(package)
        for line, name in imports(file)
        if any(name == word or name.startswith(f"{word}.") for word in forbidden)
        and not any(file == ROOT / door and name.startswith(module) for door, module in DOORS)
    ]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_of_ours_that_it_may(package: str) -> None:
    assert offences(package, MAY_IMPORT.keys() - {package} - MAY_IMPORT[package]) == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    found = [
        offence
        for package in MAY_IMPORT.keys() - ONLY_IN[library]
        for offence in offences(package, {library})
    ]
    assert found == []


def test_scheduling_neither_serves_nor_fetches() -> None:
    assert offences("scheduling", NOT_IN_SCHEDULING) == []


def test_the_walk_sees_imports_in_every_form(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "def f():\n    import http.client as c\n    from urllib import request\nfrom . import http\n"
    )
    assert {name for _, name in imports(file)} == {"http.client", "urllib", "urllib.request"}


def test_every_module_names_its_licence_and_says_what_it_owns() -> None:
    for file in (file for package in MAY_IMPORT for file in modules(package)):
        source = file.read_text(encoding="utf-8")
        assert source.startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n"), file
        assert ast.get_docstring(ast.parse(source)), file


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    folders = [*MAY_IMPORT, "tests", "benchmarks"]
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for file in modules(folder)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
