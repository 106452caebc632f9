# SPDX-License-Identifier: GPL-3.0-or-later
"""The made-up schedules that are served, and who writes them."""
