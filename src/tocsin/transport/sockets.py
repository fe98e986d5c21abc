"""What asyncio's transports leave out: a look at what can be read, and an end without ceremony."""

import asyncio
import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

_AT_ONCE = struct.pack("ii", 1, 0)


def readable(transport: asyncio.BaseTransport) -> Callable[[int], object]:
    """Return what tells, called with 0, whether there is something to read, be it the end."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return poll.poll


def reset_when_closed(transport: asyncio.BaseTransport) -> None:
    """Let the system drop what the other end has not read, instead of offering it for minutes more."""
    with suppress(OSError):  # it may be closed already
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
