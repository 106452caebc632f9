# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract tables: jobs, blockers and time off, read and changed by one set of rules."""
