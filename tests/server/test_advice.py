# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors say what is the matter; which command helps is said at the terminal and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scheduling.errors import Conflict, Invalid, KeyNotInFile, NotFound, SchedulingError, SchemaMismatch
from scheduling.schedule.entries import LoadFailed, UserNeeded
from server import advice
from server.cli import main

ROOT = Path(__file__).parents[2]
BELOW = ("scheduling", "importer", "storage_plugin", "auth_plugin")
COMMAND = re.compile(r"\bdaysheet [a-z]|(?<![\w-])--[a-z]")
HELP = re.compile(r"`daysheet ([a-z-]+)(?: ([a-z-]+))?`")


def said(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string that can be said: all but what documents a module or a function."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


def test_no_package_below_the_server_speaks_of_commands() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for package in BELOW
        for file in sorted((ROOT / package).rglob("*.py"))
        for line, text in said(file)
        if COMMAND.search(text)
    ]
    assert found == []


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        '"""daysheet start"""\n\n\ndef f(x):\n    """Use --user."""\n    raise ValueError(f"run `daysheet user {x}`")\n'
        '\n\nclass Error(Exception):\n    """Give --user."""\n\n\nA = "xn--a", "a -- b", "daysheet"\n'
    )
    assert sorted(line for line, text in said(file) if COMMAND.search(text)) == [6, 10]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            NotFound("There is no feed 7.", noun="feed"),
            "There is no feed 7; `daysheet feed list` shows them.",
        ),
        (
            SchemaMismatch(None, "0012"),
            "The database has no Daysheet tables, and this version needs 0012; run `daysheet db upgrade`.",
        ),
        (
            UserNeeded(["an .ics file names no user."]),
            "The file was not loaded, and nothing has been changed.\n"
            "an .ics file names no user; name the user with --user.",
        ),
        (
            LoadFailed(['line 2: there is no user "bert".'], noun="user"),
            "The file was not loaded, and nothing has been changed.\n"
            'line 2: there is no user "bert".\n`daysheet user add` adds a user.',
        ),
        (Conflict("It exists already."), "It exists already."),
        (Invalid("No.", noun="something else"), "No."),
    ],
)
def test_the_command_that_helps_comes_after_the_fact(error: SchedulingError, told: str) -> None:
    assert advice.sentence(error) == told


def test_every_command_that_is_named_exists() -> None:
    texts = [text for _, text in said(ROOT / "server" / "advice.py")]
    named = [match for text in texts for match in HELP.findall(text)]
    assert len(named) > 10
    context = click.Context(main)
    for name, command in named:
        found = main.get_command(context, name)
        assert found is not None
        assert not command or command in getattr(found, "commands", {})


def test_every_noun_that_has_a_command_is_given_by_an_error() -> None:
    nouns = {
        keyword.value.value
        for file in (ROOT / "scheduling").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") != "Kind"  # a kind of calendar
        for keyword in node.keywords
        if keyword.arg == "noun" and isinstance(keyword.value, ast.Constant)
    }
    known = {noun for noun in nouns if advice.sentence(NotFound("x.", noun=noun)) != "x."}
    assert known == nouns
    assert "daysheet secrets new-key" in advice.sentence(KeyNotInFile())
