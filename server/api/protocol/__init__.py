# SPDX-License-Identifier: GPL-3.0-or-later
"""How requests to the API are read, authenticated, answered and documented."""
