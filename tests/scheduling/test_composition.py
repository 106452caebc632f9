# SPDX-License-Identifier: GPL-3.0-or-later
"""The composition has every follower there is, and nobody makes another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from scheduling.calendars.followers import Change, Followers, UserGone
from scheduling.composition import FOLLOWERS

ROOT = Path(__file__).parents[2]
COMPOSITION = "scheduling/composition.py"
PACKAGES = ("scheduling", "storage_plugin", "auth_plugin", "importer", "worker", "server", "benchmarks")


def trees(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def test_only_the_composition_makes_followers() -> None:
    makers = {
        name
        for name, tree in trees(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == Followers.__name__
    }
    assert makers == {COMPOSITION}


def test_every_function_that_takes_what_followers_are_told_is_one() -> None:
    told = {Change.__name__, UserGone.__name__}
    found = {
        getattr(import_module(name.removesuffix(".py").replace("/", ".")), node.name)
        for name, tree in trees("scheduling")
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args
        if argument.annotation and told <= set(ast.unparse(argument.annotation).split(" | "))
    }
    assert found == set(FOLLOWERS.followers)
    assert len(found) == len(FOLLOWERS.followers)
