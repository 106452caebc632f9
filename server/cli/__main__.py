# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m server.cli` is `daysheet`."""

from server.cli import main

main(prog_name="daysheet")
