# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators look at and change."""
