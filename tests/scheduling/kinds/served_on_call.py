# SPDX-License-Identifier: GPL-3.0-or-later
"""The WSGI application of a Daysheet that has the kind `on-call`, as a process of its own loads it."""

from __future__ import annotations

import tests.scheduling.kinds.on_call  # noqa: F401 (registers the kind before the server asks which there are)
from server.wsgi import from_environment

__all__ = ["from_environment"]
