# SPDX-License-Identifier: GPL-3.0-or-later
"""iCalendar as pure functions (RFC 5545): content lines, time zones, recurrence. No database, no I/O."""
