# SPDX-License-Identifier: GPL-3.0-or-later
"""Guessing the link of a feed: how near a guess is can be told neither from the answer nor from the work it makes."""

from __future__ import annotations

import string
from collections import Counter
from typing import Any

import pytest

from scheduling.feeds.links import path_of
from tests.server import fixtures
from tests.server.client import Client
from tests.server.running import Running
from tests.watching import watched

database = fixtures.sqlite_alone


def token_of(running: Running) -> str:
    return running.feed("anna")[1]


def near(token: str) -> dict[str, str]:
    """Guesses that share nothing, the first character, half, and all but the last with the token."""
    other = "".join("b" if it == "a" else "a" for it in token)
    shared = {"nothing": 0, "one": 1, "half": len(token) // 2, "all but one": len(token) - 1}
    return {name: token[:length] + other[length:] for name, length in shared.items()}


@pytest.mark.usefixtures("people")
def test_a_guess_that_is_nearly_right_makes_the_same_work(running: Running, nobody: Client) -> None:
    """The token is looked up by a keyed hash: its own characters are compared nowhere, so no time depends on them."""
    token = token_of(running)
    work: dict[str, list[tuple[str, Any]]] = {}
    nobody.get(path_of(token))  # whatever is only done once
    for name, guess in near(token).items():
        seen: list[tuple[str, Any]] = []
        with watched(running.database, lambda statement, given, seen=seen: seen.append((statement, given))):
            assert nobody.get(path_of(guess)).status == 404
        work[name] = seen
        assert guess not in repr(seen), "the database sees a hash only"
    statements = [[statement for statement, _ in seen] for seen in work.values()]
    assert all(it == statements[0] for it in statements)
    assert statements[0], "it is looked up"
    lookup = running.settings.keyring().lookup
    begin = {lookup(it)[:4] for it in (token, *near(token).values())}
    assert len(begin) == 1 + len(near(token)), "hashes of neighbours have nothing in common"


@pytest.mark.usefixtures("people")
def test_a_thousand_guesses_learn_nothing(running: Running, nobody: Client) -> None:
    token = token_of(running)
    guesses = [*near(token).values(), *(f"{token[:-2]}{a}{b}" for a in "abcdefgh" for b in "ijklmnop")]
    answers = [nobody.get(path_of(it)) for it in guesses]
    assert {it.status for it in answers} == {404}
    assert len({it.body for it in answers}) == 1
    assert len({tuple(sorted(it.headers.items())) for it in answers}) == 1
    assert nobody.get(path_of(token)).status == 200, "its readers are not slowed down by somebody who guesses"


@pytest.mark.usefixtures("people")
def test_tokens_are_160_random_bits(running: Running) -> None:
    tokens = [token_of(running) for _ in range(100)]
    assert {len(it) for it in tokens} == {32}
    assert set("".join(tokens)) <= set(string.ascii_lowercase + string.digits)
    for position in range(32):
        # 100 draws from 32 letters: one that is fixed, or nearly so, would be there far more often.
        assert max(Counter(it[position] for it in tokens).values()) < 25
