# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker: the background process that imports calendars, finds what changed, delivers events and tidies up."""
