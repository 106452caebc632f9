# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what Daysheet costs compared with vanilla Radicale, over real HTTP, and what its triggers cost a writer."""
