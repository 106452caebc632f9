# SPDX-License-Identifier: GPL-3.0-or-later
"""The composition: settings, the WSGI application (Radicale, feeds, pages) and the command line."""
