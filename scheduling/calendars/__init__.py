# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars: from changed rows to objects and revisions, and everything that reads them."""
