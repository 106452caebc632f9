# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching an outside calendar: checked addresses, bounded connections, politeness to hosts."""
