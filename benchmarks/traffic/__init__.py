# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients send, and what they read of the answers."""
