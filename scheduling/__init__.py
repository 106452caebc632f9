# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduling database: tables, queries, change tracking, iCalendar in and out, availability."""
