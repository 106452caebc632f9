# SPDX-License-Identifier: GPL-3.0-or-later
"""The web pages: rendered here with Jinja, usable without JavaScript, a second door to what the REST API does.

`areas/` has the pages, one folder a subject; `frame/` what is around each of them; `words/` languages and dates.
docs/pages.md says how to add one.
"""

from __future__ import annotations

from server.pages.application import create_pages

__all__ = ["create_pages"]
