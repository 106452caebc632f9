# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in and out, one-time links, setting and resetting a password."""
