# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, what they may do, and the settings and the log of it."""
