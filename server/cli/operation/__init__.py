# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that run Daysheet and keep it in order."""
