# SPDX-License-Identifier: GPL-3.0-or-later
"""When people are busy, free, or nobody knows; and taking their time."""
