# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package may import what, and the shape every module has, read from the source."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 600
WIDEST = 20
"""Modules in one folder."""

MAY_IMPORT: dict[str, set[str]] = {
    "scheduling": set(),
    "storage_plugin": {"scheduling"},
    "auth_plugin": {"scheduling"},
    "importer": {"scheduling"},
    "worker": {"scheduling", "importer"},
    "server": {"scheduling"},
}

# The doors from the server to the importer (its settings, which addresses it would fetch, and a look at what it would
# do) and to the worker.
DOORS = {
    ("server/settings.py", "importer.config"),
    ("server/importing.py", "importer.fetch.admission"),
    ("server/background.py", "worker.process"),
    ("server/importing.py", "importer.preview"),
    ("server/importing.py", "importer.loading"),
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

# The rooms of `scheduling`, lowest first. A room imports only rooms of lower lines.
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "errors sentences",
        "admission",
        "ical",
        "database",
        "models",
        "kinds",
        "config",
        "access migrations",
        "mail",
        "settings",
        "schedule",
        "calendars",
        "snapshot webhooks",
        "conflicts feeds readership",
        "ports",
        "subscriptions",
        "availability",
        "composition load upkeep demo",
    )
)

# Modules that import one another in a circle and still have to be cut apart. Nothing may be added.
CIRCLES: set[frozenset[str]] = set()

# Names by which a type checker is told to look away. The server asks the plugins through `scheduling.ports`; Radicale's
# own types say what of its is untyped.
UNTYPED = {"Any", "getattr", "hasattr", "setattr"}


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


def graph(root: Path, packages: list[str]) -> dict[str, set[str]]:
    """What each module of the packages imports of them, by dotted names; imports for types only count like others."""
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for package in packages
        for file in (root / package).rglob("*.py")
    }
    found: dict[str, set[str]] = {name: set() for name in files}
    for module, file in files.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                names = [it if (it := f"{origin}.{alias.name}") in files else origin for alias in node.names]
            else:
                continue
            found[module] |= files.keys() & set(names)
    return found


def circles(arrows: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """The groups of modules of which each reaches each other."""
    reached = {module: set(below) for module, below in arrows.items()}
    for middle in arrows:
        for module in arrows:
            if middle in reached[module]:
                reached[module] |= reached[middle]
    return {
        frozenset(it for it in below if module in reached[it])
        for module, below in reached.items()
        if module in below
    }


def room(module: str) -> str:
    """The room of `scheduling` that a module is in, or is."""
    return module.split(".")[1]


def against_the_order(arrows: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """The imports from one room of `scheduling` to another that is not below it."""
    floor = {name: height for height, rooms in enumerate(FLOORS) for name in rooms}
    return {
        (module, imported)
        for module, below in arrows.items()
        for imported in below
        if "." in module and "." in imported and room(module) != room(imported)
        if floor[room(module)] <= floor[room(imported)]
    }


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


def test_every_room_of_scheduling_has_its_place_in_the_order() -> None:
    found = {room(module) for module in graph(ROOT, ["scheduling"]) if "." in module}
    placed = [name for rooms in FLOORS for name in rooms]
    assert sorted(placed) == sorted(found)


def test_a_room_of_scheduling_imports_only_rooms_below_it() -> None:
    found = against_the_order(graph(ROOT, ["scheduling"]))
    assert found == set()


def test_no_modules_import_one_another_in_a_circle() -> None:
    found = circles(graph(ROOT, list(MAY_IMPORT)))
    assert found - CIRCLES == set()
    assert CIRCLES - found == set(), "mended: remove it from CIRCLES"


def test_the_graph_sees_circles_for_types_and_relative_imports(tmp_path: Path) -> None:
    for name, text in {
        "p/__init__.py": "",
        "p/a.py": "from . import b\nimport os",
        "p/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.q.c import name",
        "p/q/__init__.py": "",
        "p/q/c.py": "from ..a import x\nfrom p import d",
        "p/d.py": "def f():\n    import p.q",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = graph(tmp_path, ["p"])
    assert found == {
        "p": set(),
        "p.a": {"p.b"},
        "p.b": {"p.q.c"},
        "p.d": {"p.q"},
        "p.q": set(),
        "p.q.c": {"p.a", "p.d"},
    }
    assert circles(found) == {frozenset({"p.a", "p.b", "p.q.c"})}


def test_the_order_of_rooms_is_seen_to_be_broken() -> None:
    arrows = {"scheduling.models.roles": {"scheduling.errors", "scheduling.feeds.text", "scheduling.models"}}
    arrows["scheduling.load"] = {"scheduling.demo.jobs"}
    assert against_the_order(arrows) == {
        ("scheduling.models.roles", "scheduling.feeds.text"),
        ("scheduling.load", "scheduling.demo.jobs"),
    }


def test_no_folder_is_wider_than_a_reader_can_hold() -> None:
    counted = Counter(file.parent for package in [*MAY_IMPORT, "tests"] for file in modules(package))
    # One file for each version of the schema, in their order: nothing there could be put elsewhere.
    del counted[ROOT / "scheduling" / "migrations" / "versions"]
    assert {str(folder): many for folder, many in counted.items() if many > WIDEST} == {}


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


def untyped(file: Path) -> list[str]:
    """Where a module uses one of `UNTYPED`, by whatever way it got the name."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = {
            ast.Name: lambda it: [it.id],
            ast.Attribute: lambda it: [it.attr],
            ast.ImportFrom: lambda it: [alias.name for alias in it.names],
        }.get(type(node))
        if names is not None:
            found += [f"{file.name}:{node.lineno} {name}" for name in names(node) if name in UNTYPED]
    return found


def test_the_server_knows_the_types_of_what_the_plugins_give_it() -> None:
    assert [offence for file in modules("server/dav") for offence in untyped(file)] == []


def test_the_walk_sees_what_is_untyped_in_every_form(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "import typing\n"
        "from typing import Any as Whatever\n"
        "def f(it: typing.Any) -> 'str':\n"
        "    return getattr(it, 'x')\n"
    )
    assert untyped(file) == ["module.py:2 Any", "module.py:3 Any", "module.py:4 getattr"]
