# SPDX-License-Identifier: GPL-3.0-or-later
"""Availability: when people are busy, free, or unknown because an outside calendar was not read for too long.

Read from calendar objects and their occurrences, so it is what calendars show. One function (`answer.py`) is underneath
the REST API, free-busy-query, the scheduling outbox, free-busy links and the command line.
"""
