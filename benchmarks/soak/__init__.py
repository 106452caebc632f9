# SPDX-License-Identifier: GPL-3.0-or-later
"""A server under everything at once, for a long time."""
