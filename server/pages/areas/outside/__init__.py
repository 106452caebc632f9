# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own outside calendars: added by address, looked at before, kept in order."""
