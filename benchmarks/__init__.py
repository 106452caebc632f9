# SPDX-License-Identifier: GPL-3.0-or-later
"""What Daysheet costs, measured over real HTTP beside vanilla Radicale, and what its triggers cost a writer."""
