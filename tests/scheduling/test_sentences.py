# SPDX-License-Identifier: GPL-3.0-or-later
"""Counted nouns, articles and guesses, and that no message of the program makes them by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduling.sentences import a, counted, did_you_mean

ROOT = Path(__file__).parents[2]
PACKAGES = ("scheduling", "server", "importer", "worker", "storage_plugin", "auth_plugin")
NOUNS = frozenset(
    {
        *("attempts", "bytes", "calendars", "cells", "changes", "characters", "claims", "clients", "columns"),
        *("conflicts", "days", "deliveries", "entries", "events", "feeds", "files", "generations", "hours"),
        *(
            "instances",
            "items",
            "jobs",
            "keys",
            "lines",
            "links",
            "minutes",
            "months",
            "objects",
            "octets",
            "people",
        ),
        *(
            "problems",
            "requests",
            "rows",
            "secrets",
            "seconds",
            "sessions",
            "steps",
            "subscriptions",
            "times",
        ),
        *("triggers", "users", "weeks", "webhooks", "workers", "years"),
    }
)
"""What messages count; the list grows with them."""
DETERMINERS = {"which", "whose"}
COUNTED = re.compile(r" (?:[a-z-]+ ){0,2}?(?P<noun>[a-z-]{2,}s)\b")
BEFORE_NOUN = re.compile(r"(?:^|[ (\"'])[Aa]n? $")
EITHER = re.compile(r"\b(?!http|webcal)[a-z]{2,}\(s\)")
WRONG_ARTICLE = re.compile(
    r"\b(?:[Aa] (?!or\b)(?=[aeio]|API\b|I[CP]|IANA|RRULE|RDATE|EX|HTTP\b|XML\b|SQL\b|MIME)(?!one\b|once\b|eu)"
    r"|[Aa]n (?=[bcdfgjklmnpqrstvwyz]|u(?:ser|ni|se\b|sual)|U[RTI]|one\b|h(?!our|onest|onour|ref|ttp))(?!s?-))\w+"
)


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "row", "", "0 rows"),
        (1, "row", "", "1 row"),
        (2, "row", "", "2 rows"),
        (1, "entry", "entries", "1 entry"),
        (21, "entry", "entries", "21 entries"),
        (1, "row is left out", "rows are left out", "1 row is left out"),
    ],
)
def test_one_of_a_thing_is_not_several(number: int, noun: str, plural: str, text: str) -> None:
    assert counted(number, noun, plural) == text


@pytest.mark.parametrize(
    "phrase",
    [
        *(
            "a job",
            "an event",
            "a user",
            "an API key",
            "a URL",
            "a UID",
            "an RRULE",
            "a VFREEBUSY",
            "an HTTP address",
        ),
        *(
            "an hour-long job"[:0] or "an IANA time zone",
            "a European zone",
            "a one-time link",
            "an .ics file",
        ),
        *("an unknown zone", "a UTC time", "an e-mail address", "a METHOD", "an EXDATE", 'an "event"'),
    ],
)
def test_the_article_follows_the_sound(phrase: str) -> None:
    assert a(phrase.partition(" ")[2]) == phrase


def test_a_guess_ends_no_sentence() -> None:
    assert f"There is no column x{did_you_mean('tittle', ['title', 'notes'])}." == (
        'There is no column x (did you mean "title"?).'
    )
    assert did_you_mean("quite another", ["title"]) == ""


def joined(tree: ast.AST) -> Iterator[tuple[int, ast.expr | None, str, ast.expr | None]]:
    """Line, value before, literal text and value after it, of each piece of each f-string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pieces = node.values
            for index, piece in enumerate(pieces):
                if isinstance(piece, ast.Constant):
                    sides = [
                        it.value if isinstance(it, ast.FormattedValue) else None
                        for it in (
                            pieces[index - 1] if index else None,
                            pieces[index + 1] if index + 1 < len(pieces) else None,
                        )
                    ]
                    yield node.lineno, sides[0], str(piece.value), sides[1]


def is_counted(words: str) -> bool:
    """Whether a plural noun follows, and not a verb."""
    return (found := COUNTED.match(words)) is not None and found["noun"] in NOUNS


def is_fixed(value: ast.expr) -> bool:
    """No number, or a constant of the program, which is never 1."""
    names = [it.id for it in ast.walk(value) if isinstance(it, ast.Name)]
    return bool(names) and all(it.isupper() or it in DETERMINERS for it in names)


def found_in(text: str, name: str) -> Iterator[str]:
    for line, before, words, after in joined(ast.parse(text)):
        if before is not None and not is_fixed(before) and is_counted(words):
            yield f"{name}:{line}: {{{ast.unparse(before)}}}{words[:30]}"
        if after is not None and BEFORE_NOUN.search(words):
            yield f"{name}:{line}: {words[-30:]}{{{ast.unparse(after)}}}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{name}:{node.lineno}: {it[0]}" for it in WRONG_ARTICLE.finditer(node.value))
            yield from (f"{name}:{node.lineno}: {it[0]}" for it in EITHER.finditer(node.value))


def test_guesses_are_made_here_only() -> None:
    makers = [
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if re.search(r"\bdifflib\b|did you mean", file.read_text(encoding="utf-8"))
    ]
    assert makers == ["scheduling/sentences.py"]


def test_messages_count_and_take_articles_by_the_same_functions() -> None:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    wrong = [
        one
        for file in files
        if file.name != "sentences.py"
        for one in found_in(file.read_text(encoding="utf-8"), str(file.relative_to(ROOT)))
    ]
    assert not wrong, "\n".join(wrong)
