# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands about people and what they may do."""
