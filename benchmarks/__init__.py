# SPDX-License-Identifier: GPL-3.0-or-later
"""What Daysheet costs beside vanilla Radicale, over real HTTP, and what its triggers cost a writer."""
