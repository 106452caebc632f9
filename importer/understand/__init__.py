# SPDX-License-Identifier: GPL-3.0-or-later
"""What an outside calendar means: from octets to events that block."""
