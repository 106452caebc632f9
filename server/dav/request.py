# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as Radicale hands it to the method of a verb."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from radicale import types

Given: TypeAlias = tuple[types.WSGIEnviron, str, str, str, set[str], dict[str, object]]
"""The arguments of a verb's method."""


class Request(NamedTuple):
    """In Radicale's order, so that its own methods take it as their arguments. `prefix` is the path of the
    application, `path` the rest of it, `user` "" for nobody.
    """

    environ: types.WSGIEnviron
    prefix: str
    path: str
    user: str
    groups: set[str]
    info: dict[str, object]

    @property
    def depth(self) -> str:
        """The header Depth, "0" without one."""
        return str(self.environ.get("HTTP_DEPTH", "0"))
