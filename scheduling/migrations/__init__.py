# SPDX-License-Identifier: GPL-3.0-or-later
"""Alembic migrations of the scheduling database."""
