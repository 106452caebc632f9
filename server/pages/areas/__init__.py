# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages by subject. Every module here that has `pages` is found by itself: nothing has to be entered in a list."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from server.pages.frame.routes import Pages


@cache
def found() -> tuple[Pages, ...]:
    """The pages of every module below this package."""
    names = sorted(it.name for it in pkgutil.walk_packages(__path__, f"{__name__}."))
    declared = (getattr(import_module(name), "pages", None) for name in names)
    return tuple(it for it in declared if isinstance(it, Pages))
