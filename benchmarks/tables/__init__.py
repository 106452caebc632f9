# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures, and how people read them."""
