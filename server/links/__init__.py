# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret links over HTTP: feeds, and free and busy times."""
