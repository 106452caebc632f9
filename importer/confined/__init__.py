# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading in processes with limits on CPU and memory."""
