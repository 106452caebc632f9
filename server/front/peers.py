# SPDX-License-Identifier: GPL-3.0-or-later
"""Hangs up on clients. granian cannot do that, and a connection whose client takes nothing would never end. The socket
is found among the sockets of the process by the address of its peer.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = next((it for it in (Path("/proc/self/fd"), Path("/dev/fd")) if it.is_dir()), None)
_AT_ONCE = struct.pack("ii", 1, 0)
"""Linger for no time: data that the client has not taken is discarded when granian closes the socket (socket(7))."""
Peer = tuple[str, int]


def hang_up(peers: Collection[Peer]) -> int:
    """Shut down the connections to these addresses and ports. Returns the number of connections."""
    wanted, found = set(peers), 0
    for connection in _connections():
        with connection, suppress(OSError):
            if connection.getpeername()[:2] in wanted:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                connection.shutdown(socket.SHUT_RDWR)
                found += 1
    return found


def _connections() -> Iterator[socket.socket]:
    """A duplicate of every socket of the process. A duplicate cannot turn into another socket before it is used."""
    for entry in _DESCRIPTORS.iterdir() if _DESCRIPTORS else ():
        with suppress(OSError, ValueError):
            descriptor = int(entry.name)
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                yield socket.socket(fileno=os.dup(descriptor))
