# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret .ics links, and who has fetched what."""
