# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret .ics feeds: made, changed, given new links, ended, and what their links answer."""
