# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own devices: their app passwords, and what they did last."""
