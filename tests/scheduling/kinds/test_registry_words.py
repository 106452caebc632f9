# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind's words are written in its own file. Whoever needs one asks the registry, so no other file changes with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scheduling import kinds

ROOT = Path(__file__).parents[3]
PACKAGES = ("scheduling", "storage_plugin", "auth_plugin", "importer", "worker", "server")
WORDS = {
    word
    for kind in kinds.every()
    for word in (kind.slug, kind.slug.replace("-", "_"), kind.event)
    if word is not None
}

OWN = "scheduling/kinds/"
RELEASED = "scheduling/migrations/versions/"
"""What a released migration made stays what it was, whatever the registry says today."""
MODELS = "scheduling/models/"
"""Names of tables, which the dispatch application knows by these names. Kinds are made of the models."""
EXCEPTIONS = {
    "scheduling/database/triggers.py": "the triggers are made by the first migration, as above",
    "scheduling/config/sections.py": "a section of the ini file",
    "scheduling/conflicts/announce.py": "a field of a webhook's event",
    "scheduling/webhooks/jobs.py": "a field of a webhook's event",
    "server/cli/calendars/conflict.py": "fields of an answer in JSON and on the terminal",
}


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and content of every string, docstrings and other strings that stand alone left out."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


def words(text: str) -> set[str]:
    """The words of kinds in a string that is a word, a list of words, or SQL with words in quotes."""
    if re.fullmatch(r"[\w,;| -]+", text):
        listed = re.split(r"[,;|] ?", text)
        return WORDS & {word.removesuffix("-") for word in listed}
    return WORDS & set(re.findall(r"'([\w-]*\w)-?'", text))


def found() -> dict[str, list[str]]:
    """The places of such words, by file, where nothing permits them."""
    places: dict[str, list[str]] = {}
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if not name.startswith((OWN, RELEASED, MODELS)):
                for line, text in texts(file.read_text(encoding="utf-8")):
                    places.setdefault(name, []).extend(f"{line}: {word}" for word in words(text))
    return {name: lines for name, lines in places.items() if lines}


def test_only_the_kinds_themselves_write_their_words() -> None:
    places = found()
    assert {name: lines for name, lines in places.items() if name not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() - places.keys() == set()  # an exception nobody needs goes


def test_words_are_found_alone_in_lists_and_in_sql() -> None:
    assert words("time-off") == {"time-off"}
    assert words("jobs,blockers") == words("jobs, blockers") == {"jobs", "blockers"}
    assert words("external-") == {"external"}
    assert words("SELECT 1, 'jobs', 'external-' || id") == {"jobs", "external"}
    assert words("There are no jobs.") == words("/jobs/{id}") == set()
    (one,) = texts('"""jobs"""\nx = f"jobs{1}"\n')
    assert one == (2, "jobs")
