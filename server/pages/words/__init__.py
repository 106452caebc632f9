# SPDX-License-Identifier: GPL-3.0-or-later
"""The languages of the pages: catalogues of translations, dates and times in the person's zone."""
