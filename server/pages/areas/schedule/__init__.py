# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own days, weeks and months, and what each entry says."""
