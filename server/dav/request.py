# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as Radicale hands it to the method of a verb."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from radicale import types

Given: TypeAlias = tuple[types.WSGIEnviron, str, str, str, set[str], dict[str, object]]
"""The arguments of a verb's method."""


class Request(NamedTuple):
    """The fields are in Radicale's order, so that its own methods accept them as arguments. `prefix` is the path of the
    application, `path` the rest. `user` is "" for nobody.
    """

    environ: types.WSGIEnviron
    prefix: str
    path: str
    user: str
    groups: set[str]
    info: dict[str, object]

    @property
    def depth(self) -> str:
        """The header Depth, "0" if it is absent."""
        return str(self.environ.get("HTTP_DEPTH", "0"))
