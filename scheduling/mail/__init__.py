# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail: what is written to people, and the rows that wait to be sent."""
