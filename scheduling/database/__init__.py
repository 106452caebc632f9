# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to SQLite or PostgreSQL, its schema, its triggers, and what both dialects share."""
