# SPDX-License-Identifier: GPL-3.0-or-later
"""An actor is never forgotten: whoever calls `scheduling` says on whose behalf, by name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import scheduling
from scheduling.access.permissions import SYSTEM, Actor

# What is given there is a name to search for, and nobody acts.
_SEARCH = "scheduling.access.audit.Filters.__init__"


def test_every_actor_is_required_and_given_by_name() -> None:
    seen = 0
    faults: list[str] = []
    for place, function in _functions():
        if place == _SEARCH:
            continue
        faults.extend(f"{place}: {fault}" for fault in _faults(function))
        seen += any(_is_actor(it) for it in inspect.signature(function).parameters.values())
    assert faults == []
    assert seen > 60


def _as_positional(_connection: object, actor: Actor) -> None: ...


def _with_default(*, actor: Actor = SYSTEM) -> None: ...


def _optional(*, on_behalf_of: Actor | None = None) -> None: ...


def _as_it_should_be(*, actor: Actor) -> None: ...


@pytest.mark.parametrize(
    ("function", "count"), [(_as_positional, 1), (_with_default, 1), (_optional, 1), (_as_it_should_be, 0)]
)
def test_the_walk_would_find_one(function: Callable[..., Any], count: int) -> None:
    function.__name__ = function.__name__.removeprefix("_")
    assert len(_faults(function)) == count


def _faults(function: Callable[..., Any]) -> list[str]:
    """What is wrong with its parameters. A private function may take the actor in any place, but has no default."""
    found = []
    public = not function.__name__.startswith("_")
    for it in inspect.signature(function).parameters.values():
        if not _is_actor(it):
            continue
        if it.default is not inspect.Parameter.empty:
            found.append(f"{it} has a default")
        if public and it.kind is not inspect.Parameter.KEYWORD_ONLY:
            found.append(f"{it} is positional")
    return found


def _is_actor(parameter: inspect.Parameter) -> bool:
    # Annotations are text here: every module has `from __future__ import annotations`.
    words = str(parameter.annotation).replace("|", " ").replace("[", " ").replace("]", " ").split()
    return parameter.name == "actor" or "Actor" in (word.rpartition(".")[2] for word in words)


def _functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function and method that a module of `scheduling` defines, with where it is."""
    for module in _modules():
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                yield f"{module.__name__}.{name}", value
            elif inspect.isclass(value) and value.__module__ == module.__name__:
                for inner, member in vars(value).items():
                    function = getattr(member, "__func__", member)
                    if inspect.isfunction(function):
                        yield f"{module.__name__}.{name}.{inner}", function


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(scheduling.__path__, "scheduling."):
        # Alembic alone can import env.py; revisions are loaded by path.
        if not found.name.startswith("scheduling.migrations."):
            yield importlib.import_module(found.name)
