# SPDX-License-Identifier: GPL-3.0-or-later
"""Where outside calendars come from: one port, and a module for each kind of source behind it."""
