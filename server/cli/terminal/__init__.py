# SPDX-License-Identifier: GPL-3.0-or-later
"""How commands read, print and explain themselves."""
