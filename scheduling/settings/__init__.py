# SPDX-License-Identifier: GPL-3.0-or-later
"""What calendars show at this moment: the settings file, and what was changed in the database since."""
