# SPDX-License-Identifier: GPL-3.0-or-later
"""What messages are put together with: counted nouns, articles, and guesses at a misspelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_VOWELS = "aeiou"
_SPELLED = "AEFHILMNORSX"
"""Letters whose names begin with a vowel: an RRULE, an HTTP address."""
_CONSONANT = ("eu", "one", "uid", "uni", "url", "use", "usu", "utc", "uti", "uuid")
"""Beginnings that have a vowel only in writing: a user, a URL."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 row`, `2 rows`; `plural` is given where it is not the noun with an s: `entries`, or with a verb `rows are`."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def a(noun: str) -> str:
    """The noun with its article: `a job`, `an API key`, `a user`, `an RRULE`."""
    word = noun.lstrip("\"'`.").partition(" ")[0]
    if word.isupper() and word[1:2].lower() not in _VOWELS:
        vowel = word[0] in _SPELLED
    else:
        vowel = word[:1].lower() in _VOWELS and not word.lower().startswith(_CONSONANT)
    return f"{'an' if vowel else 'a'} {noun}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` for a close misspelling of a known word, otherwise nothing. It stands in brackets, so that
    the sentence can go on or end behind it.
    """
    close = difflib.get_close_matches(word, list(known), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
