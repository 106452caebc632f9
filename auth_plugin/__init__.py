# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale authentication and rights over the scheduling database: `[auth] type` and `[rights] type = auth_plugin`."""

from auth_plugin.auth import Auth
from auth_plugin.rights import Rights

__all__ = ["Auth", "Rights"]
