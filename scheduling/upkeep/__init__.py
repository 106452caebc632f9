# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping the database small, quick and in order."""
