# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands between the network and the WSGI application, so that no client can stop a server.

granian's event loop reads requests and sends answers. Its one Python thread (the dispatcher) gets each request and
never waits; the application runs in a bounded pool of threads and gets only complete requests.
"""
