# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale storage over the scheduling database: `[storage] type = storage_plugin`."""

from storage_plugin.storage import Storage

__all__ = ["Storage"]
