# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, blockers, time off, and everything that is in calendars."""
