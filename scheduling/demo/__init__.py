# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo schedule: a made-up field-service company."""
