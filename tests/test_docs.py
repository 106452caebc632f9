# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says what is there: the contract's columns, its SQL examples, the API's addresses, commands with
their options, and places that are linked to.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from scheduling.access.permissions import Permission
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.feeds.options import KINDS
from scheduling.models import CONTRACT_TABLES, Base, CalendarObject
from scheduling.settings.stored import view
from server.api.protocol.document import openapi
from server.api.protocol.operations import ROOT as API
from server.api.resources import ROUTES
from server.cli import main

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PRESENT = [it for it in PAGES if it.name not in ("CHANGELOG.md", "command-line.md")]
"""What is written by hand about the present version."""
CONTRACT = (ROOT / "docs" / "scheduling-database.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return CONTRACT.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("table", CONTRACT_TABLES)
def test_every_contract_column_is_documented(table: str) -> None:
    rows = [line for line in _section(table).splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert documented == {column.name for column in Base.metadata.tables[table].columns}


def test_the_sql_examples_run_and_show(database: Database) -> None:
    config = Config()
    statements = re.search(r"```sql\n(.*?)```", _section("Examples"), re.DOTALL)
    assert statements is not None
    code = re.sub(r"--.*", "", statements[1])
    with database.write() as connection:
        for statement in filter(None, (part.strip() for part in code.split(";\n"))):
            connection.execute(text(statement.rstrip(";")))
    with database.write() as connection:
        ensure_calendars(connection, 1)
        shown = [
            catch_up(connection, 1, slug, view(connection, config), followers=FOLLOWERS)
            for slug in ("jobs", "blockers", "time-off")
        ]
        components = "".join(
            connection.scalars(CalendarObject.__table__.select().with_only_columns(CalendarObject.component))
        )
    assert shown == [0, 1, 1]
    assert "SUMMARY:Team meeting" in components
    assert "EXDATE;TZID=Europe/Berlin:20261207T090000" in components
    assert "DTEND;VALUE=DATE:20270101" in components


def _rows(document: str, header: str) -> list[list[str]]:
    """The cells of the table below the line `header`."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    lines = text.split(f"\n{header}\n")[1].splitlines()[1:]
    table = lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_address_of_the_api_is_documented() -> None:
    documented = []
    for addresses, _ in _rows("api.md", "| address | what |"):
        first, *others = re.findall(r"`([^`]+)`", addresses)
        documented += [re.sub(r"{\w+}", "{}", it.replace("...", first)) for it in (first, *others)]
    assert len(documented) == len(set(documented))
    paths = {
        re.sub(r"{\w+}", "{}", it.removeprefix(API)) for it in openapi(ROUTES, "https://example.com")["paths"]
    }
    items = {it for it in paths if it.endswith("/{}") and it.removesuffix("/{}") in paths}
    assert set(documented) == paths - items


def test_every_kind_of_a_feed_is_documented() -> None:
    [kinds] = [
        row[1] for row in _rows("feeds.md", "| option | meaning | unless given |") if row[0] == "kinds"
    ]
    assert tuple(re.findall(r"`([^`]+)`", kinds)) == KINDS


def _commands(page: Path) -> Iterator[str]:
    """What is said to be typed, in code and in sentences; comments, and what the output goes to, are left out."""
    for line in re.findall(
        r"(?:`|^ *(?:\$ )?)(daysheet [a-z][^`\n]*)", page.read_text(encoding="utf-8"), re.MULTILINE
    ):
        yield re.split(r" +#| [<>|] ", line.partition("\\")[0])[0]


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PRESENT, ids=lambda it: it.name)
def test_every_command_and_option_exists(page: Path) -> None:
    for line in _commands(page):
        command: click.Command = main
        words = shlex.split(line)[1:]
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            found = command.get_command(click.Context(command), name)
            assert found is not None, f"{line}: there is no {name}"
            command = found
        known = {"--help", *(name for it in command.params for name in (*it.opts, *it.secondary_opts))}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), target


def _settings() -> dict[str, set[str]]:
    """Every option by section, from the file that lists them all."""
    found: dict[str, set[str]] = {}
    section = ""
    for line in (ROOT / "config" / "daysheet.ini").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"#?\[(\w+)\]", line):
            section = heading[1]
            found[section] = set()
        elif option := re.match(r"#?(\w+) =", line):
            found[section].add(option[1])
    return found


@pytest.mark.parametrize("page", PRESENT, ids=lambda it: it.name)
def test_every_setting_and_permission_exists(page: Path) -> None:
    known = _settings()
    text_ = page.read_text(encoding="utf-8")
    named = re.findall(r"`\[(\w+)\]\s(\w+)", text_)
    named += [it for it in re.findall(r"`(\w+)\.(\w+)[` ]", text_) if it[0] in known]
    permissions = {it.value for it in Permission}
    wrong = [
        f"{section}.{option}"
        for section, option in named
        if option not in known.get(section, ()) and f"{section}.{option}" not in permissions
    ]
    assert not wrong


def test_every_benchmark_is_in_the_list_of_commands() -> None:
    text_ = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^    \.venv/bin/python -m benchmarks\.(\w+)", text_, re.MULTILINE))
    programs = {
        it.parent.name if it.stem == "__main__" else it.stem
        for it in (ROOT / "benchmarks").rglob("*.py")
        if "\ndef main(arguments" in it.read_text(encoding="utf-8")
        and it != ROOT / "benchmarks" / "__main__.py"
    }
    assert listed == programs
    for command, document in re.findall(r"-m benchmarks\.(\w+) --markdown docs/(\S+)", text_):
        written = (ROOT / "docs" / document).read_text(encoding="utf-8")
        name = {"scale": "mix"}.get(command, command)
        assert f"<!-- {name} -->" in written


LONGEST = 110
WIDE = {"command-line.md"}
"""Pages with longer lines: this one is what the commands print. Nothing may be added."""


def _too_long(page: Path) -> list[str]:
    """The lines beyond 110 characters. Rows of tables cannot be broken, and code is copied as it stands."""
    text_ = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [line for line in text_.splitlines() if len(line) > LONGEST and not line.startswith(("|", "    "))]


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.name)
def test_no_line_is_longer_than_an_editor_shows(page: Path) -> None:
    assert page.name in WIDE or _too_long(page) == []


def test_a_page_without_long_lines_is_not_excused() -> None:
    assert [page.name for page in PAGES if page.name in WIDE and not _too_long(page)] == []


CHANGES = (ROOT / "docs" / "changes.md").read_text(encoding="utf-8")


def _touched() -> dict[str, list[str]]:
    """The files that each change touches: a row of the table, or the numbered list of a section."""
    changes = {
        title: re.findall(r"`([^`]+/[^`]+)`", files)
        for title, files in _rows("changes.md", "| to add | touch |")
        if "#" not in files
    }
    for title, text_ in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", CHANGES, re.DOTALL | re.MULTILINE):
        changes[title] = re.findall(r"^\d+\. `([^`]+)`", text_, re.MULTILINE)
    del changes["What to touch"]
    return changes


def test_no_change_touches_more_than_five_files_and_all_of_them_exist() -> None:
    changes = _touched()
    assert len(changes) >= 10
    for title, files in changes.items():
        assert 1 <= len(files) <= 5, title
        for file in files:
            place = ROOT / file.replace("<new>", "")
            assert place.is_dir() if file.endswith("<new>") else place.is_file(), file


def test_a_kind_of_calendar_is_two_files() -> None:
    assert len(_touched()["a kind of calendar"]) == 2


_ELSEWHERE = re.compile(r"\b(?:field\s+notes?|threats? [A-Z]\d\d|design page|house\.md)\b", re.IGNORECASE)


def test_no_reference_leads_out_of_the_repository() -> None:
    folders = (
        "scheduling",
        "storage_plugin",
        "auth_plugin",
        "importer",
        "worker",
        "server",
        "docs",
        "config",
    )
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for folder in folders
        for file in (ROOT / folder).rglob("*")
        if file.suffix in (".py", ".md", ".ini")
        for match in _ELSEWHERE.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []
