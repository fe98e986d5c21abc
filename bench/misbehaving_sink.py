"""Receivers that end each connection in another way.

python -m bench.misbehaving_sink CORE PORTS   prints its ports on one line, then serves until its standard
                                              input ends
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from itertools import count as counting
from typing import cast

import uvloop

from bench.machine import use_core

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_RESET = struct.pack("ii", 1, 0)
_numbers = counting()


class _Receiver(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its own class
        self._end = _ENDS[next(_numbers) % len(_ENDS)]
        self._is_reused = False
        if self._end is _reset_at_once:
            _reset(self._transport, b"")

    def data_received(self, data: bytes) -> None:
        if self._is_reused:
            self._transport.close()
            return
        self._is_reused = True
        self._end(self._transport, data)


def _keep(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(_OK)


def _close(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(_OK)
    transport.close()


def _announce(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(_OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))


def _refuse(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


def _reset(transport: asyncio.Transport, _: bytes) -> None:
    sock = cast("socket.socket", transport.get_extra_info("socket"))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def _reset_at_once(transport: asyncio.Transport, _: bytes) -> None:
    """Reset before the request."""


def _half_headers(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    transport.close()


def _half_body(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    transport.close()


def _babble(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(b"\0" * 100)


def _pour(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000)


def _answer_twice(transport: asyncio.Transport, _: bytes) -> None:
    transport.write(_OK + _OK)


_ENDS: tuple[Callable[[asyncio.Transport, bytes], None], ...] = (
    _keep,
    _close,
    _announce,
    _refuse,
    _reset,
    _reset_at_once,
    _half_headers,
    _half_body,
    _babble,
    _pour,
    _answer_twice,
)


async def _serve(ports: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(_Receiver, "127.0.0.1", 0, backlog=2048) for _ in range(ports)
    ]
    print(*(each.sockets[0].getsockname()[1] for each in servers), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    use_core(int(sys.argv[1]))
    uvloop.run(_serve(int(sys.argv[2])))
