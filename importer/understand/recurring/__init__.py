# SPDX-License-Identifier: GPL-3.0-or-later
"""How outside events repeat: their rules, and the series that changes of them leave."""
