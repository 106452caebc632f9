# SPDX-License-Identifier: GPL-3.0-or-later
"""How outside events repeat: their rules, and the series after changes."""
