# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: Daysheet and its peers, their databases and processes."""
