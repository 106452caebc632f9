# SPDX-License-Identifier: GPL-3.0-or-later
"""Stylesheets, scripts and pictures: each has the hash of its content in its address, so that browsers keep it."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
KEPT = "public, max-age=31536000, immutable"
"""Cache-Control where the address has the hash of the content."""


@cache
def digest(name: str) -> str:
    """The hash of a file of `FOLDER`; "" if there is no such file."""
    file = (FOLDER / name).resolve()
    if not file.is_relative_to(FOLDER.resolve()) or not file.is_file():
        return ""
    return blake2b(file.read_bytes(), digest_size=8).hexdigest()


def address(name: str) -> str:
    """The path under which a file of `FOLDER` is served. Raises FileNotFoundError."""
    if not (found := digest(name)):
        raise FileNotFoundError(name)
    return f"/static/{name}?v={found}"


def caching(name: str, asked: str | None) -> str:
    """The Cache-Control of an answer with the file, asked for with `v=asked`."""
    return KEPT if asked and asked == digest(name) else "public, max-age=300"
