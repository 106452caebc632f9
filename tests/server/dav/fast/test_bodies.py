# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept bodies are what was made, in pieces that are sent as they lie there."""

from __future__ import annotations

import gzip

import pytest

from server.dav.fast.bodies import PIECE, Bodies, Pieces, length_of

LONG = bytes(range(256)) * (PIECE // 256) + b"the rest"


@pytest.mark.parametrize("content", [b"", b"short", LONG[:PIECE], LONG, LONG * 3])
def test_what_is_kept_is_what_was_made(content: bytes) -> None:
    bodies, made = Bodies(), []

    def make() -> bytes:
        made.append(1)
        return content

    for _ in range(2):
        body = bodies.get(("calendar", "etag"), make, gzip=False)
        assert length_of(body) == len(content)
        assert b"".join([body] if isinstance(body, bytes) else body) == content
    assert len(made) == 1
    packed = bodies.get(("calendar", "etag"), make, gzip=True)
    assert gzip.decompress(b"".join([packed] if isinstance(packed, bytes) else packed)) == content


def test_a_long_body_is_given_out_in_the_same_pieces_each_time() -> None:
    bodies = Bodies()
    first, second = (bodies.get(("key",), lambda: LONG, gzip=False) for _ in range(2))
    assert isinstance(first, Pieces)
    assert isinstance(second, Pieces)
    assert [id(it) for it in first] == [id(it) for it in second]
    assert [len(it) for it in first] == [PIECE, len(LONG) - PIECE]


def test_the_capacity_counts_octets_of_pieces_too() -> None:
    bodies, made = Bodies(capacity=len(LONG) * 2), []

    def body_of(key: str) -> None:
        bodies.get((key,), lambda: made.append(key) or LONG, gzip=False)  # type: ignore[func-returns-value]

    for key in ("a", "b", "c", "c", "a"):
        body_of(key)
    assert made == ["a", "b", "c", "a"]
